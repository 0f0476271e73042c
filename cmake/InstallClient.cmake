# Installs the C++ client library with a CMake package, for projects that know nothing of this one:
#   cmake --install build --component client --prefix PREFIX
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(_package "${CMAKE_INSTALL_LIBDIR}/cmake/inspection_client")
install(
  TARGETS inspection_client bayespfl_proto bayespfl_standard_protos bayespfl_base bayespfl_options
  EXPORT inspection_client
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT client
)
install(
  EXPORT inspection_client
  NAMESPACE bayespfl::
  FILE inspection_client-targets.cmake
  DESTINATION "${_package}"
  COMPONENT client
)
install(DIRECTORY client/cpp/include/ DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT client)
install(
  DIRECTORY "${CMAKE_BINARY_DIR}/proto/bayespfl_proto/bayespfl"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  COMPONENT client
  FILES_MATCHING
  PATTERN "*.pb.h"
)
write_basic_package_version_file(
  "${CMAKE_BINARY_DIR}/inspection_client-config-version.cmake"
  COMPATIBILITY SameMinorVersion
)
install(
  FILES
    "${CMAKE_SOURCE_DIR}/cmake/inspection_client-config.cmake"
    "${CMAKE_BINARY_DIR}/inspection_client-config-version.cmake"
  DESTINATION "${_package}"
  COMPONENT client
)
