# Compiler options of the project's own targets: link `bayespfl_options` privately through bayespfl_library().

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

add_library(bayespfl_options INTERFACE)
target_include_directories(bayespfl_options INTERFACE "$<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>")
target_compile_definitions(bayespfl_options INTERFACE BAYESPFL_VERSION="${PROJECT_VERSION}")
target_compile_options(
  bayespfl_options
  INTERFACE -pthread -Wall -Wextra -Wpedantic -Wconversion -Wshadow $<$<BOOL:${BAYESPFL_WERROR}>:-Werror>
)

# g++ looks for memory to free whenever it has taken 128 MB more, which is a tenth of what compiling costs here; a file of the
# project takes 1.1 GB at most without.
add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:--param=ggc-min-heapsize=1048576>)

if(BAYESPFL_SANITIZE)
  add_compile_options(-fsanitize=${BAYESPFL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BAYESPFL_SANITIZE})
endif()

# A static library without a precompiled header.
function(bayespfl_bare_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SRCS;PUBLIC;PRIVATE")
  add_library(${name} STATIC ${arg_SRCS})
  target_include_directories(${name} PUBLIC "$<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>")
  target_link_libraries(${name} PUBLIC ${arg_PUBLIC} PRIVATE bayespfl_options ${arg_PRIVATE})
endfunction()

# bayespfl_library(NAME SRCS... [PUBLIC ...] [PRIVATE ...]): one static library of the project. It shares the precompiled
# header of base/, which is half of what compiling a small file costs.
function(bayespfl_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SRCS;PUBLIC;PRIVATE")
  bayespfl_bare_library(${name} SRCS ${arg_SRCS} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  target_precompile_headers(${name} REUSE_FROM bayespfl_pch)
endfunction()

# bayespfl_torch_library(...): the same for code that includes LibTorch, with LibTorch's header.
function(bayespfl_torch_library name)
  bayespfl_bare_library(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE LibTorch::torch_cpu)
  target_precompile_headers(${name} REUSE_FROM bayespfl_torch_pch)
endfunction()

# A test spends its time in what it tests; optimizing its own code, or describing it to a debugger where that was not asked for,
# takes longer to compile than it saves. What includes LibTorch shares a precompiled header with code that is optimized, which
# fits no other.
set(BAYESPFL_TEST_OPTIONS $<$<CONFIG:Release,RelWithDebInfo>:-O0> $<$<CONFIG:RelWithDebInfo>:-g0>)
set(BAYESPFL_TORCH_TEST_OPTIONS $<$<CONFIG:Release,RelWithDebInfo>:-O1> $<$<CONFIG:RelWithDebInfo>:-g0>)
# There are a hundred test programs: the faster of binutils' two linkers saves a minute. It does not know clang's sanitizers.
if(NOT BAYESPFL_SANITIZE)
  include(CheckLinkerFlag)
  check_linker_flag(CXX -fuse-ld=gold BAYESPFL_HAS_GOLD)
endif()
set(BAYESPFL_TEST_LINK_OPTIONS $<$<BOOL:${BAYESPFL_HAS_GOLD}>:-fuse-ld=gold>)

# bayespfl_test(NAME [TORCH] [ONE_PROCESS] SRCS... LIBS...): one GoogleTest program. ctest runs each of its cases by itself,
# or all of them in ONE_PROCESS, which TORCH implies: loading LibTorch takes longer than most cases do. Cases that
# measure their process's memory stay by themselves.
function(bayespfl_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH;ONE_PROCESS" "" "SRCS;LIBS")
  add_executable(${name} ${arg_SRCS})
  target_link_libraries(
    ${name}
    PRIVATE bayespfl_options bayespfl_test_paths ${arg_LIBS} GTest::gmock GTest::gtest_main
  )
  # g++ 12 sees an overlap in `"literal" + std::string()` where there is none (GCC bug 105651).
  target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
  target_link_options(${name} PRIVATE ${BAYESPFL_TEST_LINK_OPTIONS})
  if(arg_TORCH)
    target_link_libraries(${name} PRIVATE LibTorch::torch_cpu)
    target_precompile_headers(${name} REUSE_FROM bayespfl_torch_pch)
    # CMake compiles programs with -fPIE; the precompiled header only fits what it was made with.
    target_compile_options(${name} PRIVATE -fPIC ${BAYESPFL_TORCH_TEST_OPTIONS})
  else()
    target_precompile_headers(${name} REUSE_FROM bayespfl_test_pch)
    target_compile_options(${name} PRIVATE ${BAYESPFL_TEST_OPTIONS})
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  if(arg_TORCH OR arg_ONE_PROCESS)
    add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES TIMEOUT 900)
  else()
    gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 300)
  endif()
endfunction()
