# Installs the programs with what they need beside Debian's packages, below one prefix (/opt/bayespfl in the images and
# packages), which may be moved as a whole:
#   bin/            the programs
#   lib/            LibTorch and NVIDIA's run time, in the folders of the wheel, by which the libraries find each other
#   model/          the embedded model
#   share/bayespfl/ licences
# Components: server, client-program, model-tools, libtorch, notices. (The C++ client library is the component client.)
set(_bayespfl_torch "lib/torch/lib")
set_target_properties(bayespfl-server bayespfl-model PROPERTIES INSTALL_RPATH "$ORIGIN/../${_bayespfl_torch}")

install(TARGETS bayespfl-server RUNTIME DESTINATION bin COMPONENT server)
install(TARGETS bayespfl-client RUNTIME DESTINATION bin COMPONENT client-program)
install(TARGETS bayespfl-model RUNTIME DESTINATION bin COMPONENT model-tools)
install(DIRECTORY assets/demo/model/ DESTINATION model COMPONENT server)
install(FILES LICENSE THIRD_PARTY.md DESTINATION share/bayespfl COMPONENT notices)

# Those that a program without a GPU loads; the wheel has twice as much.
get_target_property(_libtorch_cpu LibTorch::torch_cpu IMPORTED_LOCATION)
get_filename_component(_libtorch_lib_dir "${_libtorch_cpu}" DIRECTORY)
get_filename_component(_libtorch_nvidia "${_libtorch_lib_dir}/../../nvidia/cu13/lib" ABSOLUTE)
install(
  PROGRAMS "${_libtorch_lib_dir}/libtorch_cpu.so" "${_libtorch_lib_dir}/libc10.so" "${_libtorch_lib_dir}/libgomp.so.1"
  DESTINATION "${_bayespfl_torch}"
  COMPONENT libtorch
)
install(
  PROGRAMS "${_libtorch_nvidia}/libcudart.so.13" "${_libtorch_nvidia}/libcupti.so.13"
  DESTINATION lib/nvidia/cu13/lib
  COMPONENT libtorch
)
# The symbols that only a debugger reads are a fifth of the wheel's largest library.
install(
  CODE
    "execute_process(
  COMMAND \"${CMAKE_STRIP}\" --strip-unneeded \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${_bayespfl_torch}/libtorch_cpu.so\"
  COMMAND_ERROR_IS_FATAL ANY)"
  COMPONENT libtorch
)
