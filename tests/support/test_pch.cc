// What precompiled headers need: a file to compile them for (tests/support/CMakeLists.txt).
