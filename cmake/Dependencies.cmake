# Everything the project links, as imported targets.

find_package(Threads REQUIRED)
find_package(LibTorch 2.11 REQUIRED)
# Third-party headers are not ours to warn about.
set_target_properties(LibTorch::torch_cpu PROPERTIES SYSTEM ON)
find_package(absl REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc)
find_package(ZLIB REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto SSL)
if(BAYESPFL_BUILD_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()

# Debian's libwebp has no configuration for CMake.
find_library(WEBP_LIBRARY webp REQUIRED)
add_library(WebP::webp SHARED IMPORTED)
set_target_properties(WebP::webp PROPERTIES IMPORTED_LOCATION "${WEBP_LIBRARY}")

# Debian's OpenCVConfig.cmake wants every OpenCV module installed; two are enough here. The tests take OpenCV's decoders and
# encoders as another opinion besides; no program links them, since they bring GDAL, GDCM and OpenEXR along.
set(opencv_modules core imgproc)
if(BAYESPFL_BUILD_TESTS)
  list(APPEND opencv_modules imgcodecs)
endif()
foreach(module IN LISTS opencv_modules)
  find_library(OPENCV_${module}_LIBRARY opencv_${module} REQUIRED)
  add_library(opencv_${module} SHARED IMPORTED)
  set_target_properties(
    opencv_${module}
    PROPERTIES
      IMPORTED_LOCATION "${OPENCV_${module}_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES /usr/include/opencv4
      INTERFACE_SYSTEM_INCLUDE_DIRECTORIES /usr/include/opencv4
  )
endforeach()

# Debian's libzip-config.cmake wants libzip's command-line tools installed too.
find_library(LIBZIP_LIBRARY zip REQUIRED)
add_library(libzip::zip SHARED IMPORTED)
set_target_properties(libzip::zip PROPERTIES IMPORTED_LOCATION "${LIBZIP_LIBRARY}")

find_library(CPPHTTPLIB_LIBRARY cpp-httplib REQUIRED)
add_library(httplib::httplib SHARED IMPORTED)
set_target_properties(
  httplib::httplib
  PROPERTIES
    IMPORTED_LOCATION "${CPPHTTPLIB_LIBRARY}"
    # The library was built with these; a program that includes the header without them sees other class layouts.
    INTERFACE_COMPILE_DEFINITIONS "CPPHTTPLIB_OPENSSL_SUPPORT;CPPHTTPLIB_ZLIB_SUPPORT;CPPHTTPLIB_BROTLI_SUPPORT"
)
