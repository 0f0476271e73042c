# Finds LibTorch and defines the imported targets LibTorch::torch_cpu and LibTorch::c10.
#
# Accepted layouts, in this order:
#   LIBTORCH_ROOT (cache or environment)  an unpacked LibTorch folder, or the `torch` folder of a Python wheel
#   BAYESPFL_VENV (cache or environment)  a virtual environment that holds the wheel `torch`
#
# The wheel's own TorchConfig.cmake is not used: built for CUDA, it insists on a CUDA toolkit even for CPU programs. The
# CUDA backend (libtorch_cuda.so) is opened at run time when a GPU is wanted.

if(NOT LIBTORCH_ROOT AND DEFINED ENV{LIBTORCH_ROOT})
  set(LIBTORCH_ROOT "$ENV{LIBTORCH_ROOT}")
endif()
if(NOT BAYESPFL_VENV AND DEFINED ENV{BAYESPFL_VENV})
  set(BAYESPFL_VENV "$ENV{BAYESPFL_VENV}")
endif()

set(_libtorch_candidates ${LIBTORCH_ROOT})
if(BAYESPFL_VENV)
  file(GLOB _libtorch_wheels "${BAYESPFL_VENV}/lib/python3*/site-packages/torch")
  list(APPEND _libtorch_candidates ${_libtorch_wheels})
endif()

# Nothing is kept in CMake's cache: a tree that was built against one LibTorch would never look at the next.
unset(LibTorch_INCLUDE_DIR CACHE)
unset(LibTorch_CPU_LIBRARY CACHE)
unset(LibTorch_C10_LIBRARY CACHE)
find_path(
  LibTorch_INCLUDE_DIR
  NAMES torch/csrc/api/include/torch/torch.h
  HINTS ${_libtorch_candidates}
  PATH_SUFFIXES include
  NO_DEFAULT_PATH
  NO_CACHE
)
find_library(LibTorch_CPU_LIBRARY torch_cpu HINTS ${_libtorch_candidates} PATH_SUFFIXES lib NO_DEFAULT_PATH NO_CACHE)
find_library(LibTorch_C10_LIBRARY c10 HINTS ${_libtorch_candidates} PATH_SUFFIXES lib NO_DEFAULT_PATH NO_CACHE)

if(LibTorch_INCLUDE_DIR AND EXISTS "${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h")
  file(
    STRINGS "${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h"
    _libtorch_version
    REGEX "^#define TORCH_VERSION_(MAJOR|MINOR|PATCH) "
  )
  string(REGEX REPLACE "[^0-9;]" "" _libtorch_version "${_libtorch_version}")
  string(REPLACE ";" "." LibTorch_VERSION "${_libtorch_version}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run `make setup`, or set LIBTORCH_ROOT to a LibTorch folder"
)

if(LibTorch_FOUND AND NOT TARGET LibTorch::torch_cpu)
  get_filename_component(_libtorch_lib_dir "${LibTorch_CPU_LIBRARY}" DIRECTORY)
  # The wheel keeps the CUDA run-time libraries that libtorch_cpu.so names beside itself, in nvidia/cu13/lib.
  get_filename_component(_libtorch_nvidia "${_libtorch_lib_dir}/../../nvidia/cu13/lib" ABSOLUTE)

  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION "${LibTorch_C10_LIBRARY}")
  add_library(LibTorch::torch_cpu SHARED IMPORTED)
  set_target_properties(LibTorch::torch_cpu PROPERTIES IMPORTED_LOCATION "${LibTorch_CPU_LIBRARY}")
  target_include_directories(
    LibTorch::torch_cpu
    INTERFACE "${LibTorch_INCLUDE_DIR}" "${LibTorch_INCLUDE_DIR}/torch/csrc/api/include"
  )
  target_link_libraries(LibTorch::torch_cpu INTERFACE LibTorch::c10)
  target_link_options(
    LibTorch::torch_cpu
    INTERFACE "LINKER:-rpath-link,${_libtorch_nvidia}" "LINKER:-rpath-link,${_libtorch_lib_dir}"
  )
endif()
