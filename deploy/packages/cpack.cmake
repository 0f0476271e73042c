# What differs between the kinds of packages; read by cpack for each of them (CPACK_PROJECT_CONFIG_FILE).
if(CPACK_GENERATOR STREQUAL "DEB")
  # Some files lie outside the prefix: /etc, /usr/bin, the unit.
  set(CPACK_SET_DESTDIR ON)
  set(CPACK_INSTALL_PREFIX /opt/bayespfl)
  set(CPACK_DEB_COMPONENT_INSTALL ON)
  set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
  set(
    CPACK_COMPONENTS_ALL
    libtorch
    libtorch-host
    server
    server-host
    client-program
    client-program-host
    model-tools
    model-tools-host
  )
else()
  set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
  set(CPACK_COMPONENT_INCLUDE_TOPLEVEL_DIRECTORY ON)
  set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
  set(
    CPACK_COMPONENTS_ALL
    libtorch
    server
    client-program
    model-tools
    notices
    unit
  )
  set(CPACK_PACKAGE_FILE_NAME "bayespfl-${CPACK_PACKAGE_VERSION}-linux-amd64")
endif()
