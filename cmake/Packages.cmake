# `cpack -G DEB` makes four Debian packages, `cpack -G TGZ` one archive; scripts/packages.sh runs both. What InstallPrograms.cmake
# puts below one prefix lies below /opt/bayespfl; the components named *-host are what a Debian machine wants around it.
set(_home /opt/bayespfl)

# Programs on everybody's PATH.
foreach(program IN ITEMS server client model)
  file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/links")
  file(CREATE_LINK "${_home}/bin/bayespfl-${program}" "${CMAKE_BINARY_DIR}/links/bayespfl-${program}" SYMBOLIC)
endforeach()
foreach(package IN ITEMS libtorch server client-program model-tools)
  string(REGEX REPLACE "-.*" "" name "${package}")
  install(FILES LICENSE DESTINATION "/usr/share/doc/bayespfl-${name}" RENAME copyright COMPONENT ${package}-host)
  install(FILES THIRD_PARTY.md DESTINATION "/usr/share/doc/bayespfl-${name}" COMPONENT ${package}-host)
endforeach()
install(FILES "${CMAKE_BINARY_DIR}/links/bayespfl-server" DESTINATION /usr/bin COMPONENT server-host)
install(FILES "${CMAKE_BINARY_DIR}/links/bayespfl-client" DESTINATION /usr/bin COMPONENT client-program-host)
install(FILES "${CMAKE_BINARY_DIR}/links/bayespfl-model" DESTINATION /usr/bin COMPONENT model-tools-host)
install(FILES deploy/packages/server.yaml DESTINATION /etc/bayespfl COMPONENT server-host)
install(FILES deploy/systemd/bayespfl-server.service DESTINATION /lib/systemd/system COMPONENT server-host)
install(
  FILES deploy/systemd/gpu.conf docs/configuration.md docs/operations.md docs/security.md
  DESTINATION /usr/share/doc/bayespfl-server
  COMPONENT server-host
)
# For the archive, whose reader puts the unit where it belongs, and installs by hand what no package asks apt for. The
# versions in the list are those of the images.
install(FILES deploy/systemd/bayespfl-server.service DESTINATION share/bayespfl COMPONENT unit)
install(
  CODE
    "file(STRINGS \"${CMAKE_SOURCE_DIR}/scripts/debian-packages-runtime.txt\" packages)
list(TRANSFORM packages REPLACE \"=.*\" \"\\n\")
file(WRITE \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/bayespfl/debian-packages.txt\" \${packages})"
  COMPONENT unit
)

set(CPACK_PACKAGE_NAME bayespfl)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_VENDOR "Bayes-PFL inspection server")
set(CPACK_PACKAGE_CONTACT "Bayes-PFL inspection server <root@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "finds defects on pictures from factory cameras")
set(CPACK_RESOURCE_FILE_LICENSE "${CMAKE_SOURCE_DIR}/LICENSE")
set(CPACK_PACKAGE_DIRECTORY "${CMAKE_BINARY_DIR}/packages")
set(CPACK_STRIP_FILES ON)
set(CPACK_PROJECT_CONFIG_FILE "${CMAKE_SOURCE_DIR}/deploy/packages/cpack.cmake")

set(CPACK_DEBIAN_PACKAGE_HOMEPAGE "")
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Libraries that no Debian package brings.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${_libtorch_lib_dir}" "${_libtorch_nvidia}")
set(CPACK_DEBIAN_PACKAGE_SECTION science)

set(_libtorch "bayespfl-libtorch (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_LIBTORCH_PACKAGE_NAME bayespfl-libtorch)
set(CPACK_DEBIAN_SERVER_PACKAGE_NAME bayespfl-server)
set(CPACK_DEBIAN_SERVER_PACKAGE_DEPENDS "${_libtorch}")
set(CPACK_DEBIAN_SERVER_PACKAGE_RECOMMENDS bayespfl-client)
set(
  CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_EXTRA
  "${CMAKE_SOURCE_DIR}/deploy/packages/conffiles"
  "${CMAKE_SOURCE_DIR}/deploy/packages/postinst"
  "${CMAKE_SOURCE_DIR}/deploy/packages/postrm"
  "${CMAKE_SOURCE_DIR}/deploy/packages/prerm"
)
set(CPACK_DEBIAN_CLIENT_PACKAGE_NAME bayespfl-client)
set(CPACK_DEBIAN_MODEL_PACKAGE_NAME bayespfl-model)
set(CPACK_DEBIAN_MODEL_PACKAGE_DEPENDS "${_libtorch}")

include(CPack)
cpack_add_component_group(
  libtorch
  DESCRIPTION "LibTorch's libraries for processors, as bayespfl-server and bayespfl-model load them"
)
cpack_add_component_group(server DESCRIPTION "inspection server: pictures over gRPC, scores, maps and verdicts back")
cpack_add_component_group(client DESCRIPTION "command line client of the inspection server")
cpack_add_component_group(model DESCRIPTION "tools for the inspection server's model packages")
cpack_add_component(libtorch GROUP libtorch)
cpack_add_component(libtorch-host GROUP libtorch)
cpack_add_component(server GROUP server)
cpack_add_component(server-host GROUP server)
cpack_add_component(client-program GROUP client)
cpack_add_component(client-program-host GROUP client)
cpack_add_component(model-tools GROUP model)
cpack_add_component(model-tools-host GROUP model)
