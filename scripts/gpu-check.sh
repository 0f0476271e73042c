#!/usr/bin/env bash
# Everything that only a GPU can show, in one run of less than six minutes on a machine that has nothing but Python with the
# wheel torch 2.11.0 (CUDA 13): no compiler, no network, no packages.
#
#   gpu-check.sh pack FOLDER            here, after `make build`: programs, tests and Debian's libraries that they need
#   gpu-check.sh run FOLDER [--json FILE] [--steps NAME,...]
#                                       there, in a copy of this checkout: a table, and everything it knows as JSON
#
# GPU_CHECK_DEVICE=cpu rehearses the run without a GPU (default: cuda:0); GPU_CHECK_PYTHON is the Python that has torch
# (default: python3); GPU_CHECK_MEBIBYTES is what checkout and archive may have together (default: 64). Exit codes of `run`: 0;
# 1 a step failed, and the others ran nevertheless; 2 it could not begin.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

programs=(bin/bayespfl-server bin/bayespfl-client bin/bayespfl-model)
programs+=(tests/parity_test tests/detect_golden_test tests/detector_test tests/device_bench)
graphs=libbayespfl_cuda_graphs.so # where CUDA's headers were found
most_mebibytes=${GPU_CHECK_MEBIBYTES:-64} # of the checkout and the archive together

die() {
  printf 'gpu-check: %s\n' "$*" >&2
  exit 2
}

# What every Linux has that runs PyTorch: the C library and the compiler's run-time libraries. Debian's own would not fit a
# newer C library.
everywhere='^(linux-vdso|ld-linux.*|libc|libm|libdl|libpthread|librt|libutil|libresolv|libstdc\+\+|libgcc_s)\.so'

# Lines "NAME PATH" of the libraries that a program loads; LibTorch and what lies beside it come with the wheel.
libraries() { ldd "$1" | awk '$2 == "=>" { print $1, $3 }' | grep -vE "$everywhere" | grep -vE '/(torch|nvidia)/'; }

pack() {
  local folder=$1 scratch program name path
  for program in "${programs[@]}"; do
    [[ -x build/$program ]] || die "build/$program is missing; build it first (make build)."
  done
  scratch=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder's name now
  trap "rm -rf '$scratch'" EXIT
  mkdir -p "$scratch/bin" "$scratch/lib" "$folder"
  for program in "${programs[@]}"; do
    strip -o "$scratch/bin/${program##*/}" "build/$program"
    while read -r name path; do
      [[ $path == /* ]] || die "$program needs $name, which is not installed."
      cp --dereference "$path" "$scratch/lib/$name"
    done < <(libraries "build/$program")
  done
  # It needs nothing but what the CUDA backend brings into the process.
  [[ ! -f build/bin/$graphs ]] || strip -o "$scratch/bin/$graphs" "build/bin/$graphs"
  # The programs must find every library there: nothing of this machine's.
  for program in "$scratch"/bin/*; do
    while read -r name path; do
      [[ $path == "$scratch/lib/"* ]] || die "${program##*/} would not find $name there."
    done < <(LD_LIBRARY_PATH=$scratch/lib libraries "$program")
  done
  # Most of it is one table of ICU's, which shrinks to a third.
  XZ_OPT=${XZ_OPT:--2} tar -C "$scratch" --owner=0 --group=0 -cJf "$folder/programs.tar.xz" bin lib
  local bytes
  bytes=$({ git ls-files --cached --others --exclude-standard -z && printf '%s\0' "$folder/programs.tar.xz"; } |
    { xargs -0 stat --format %s -- 2>/dev/null || true; } | awk '{ sum += $1 } END { print sum }') # some may be deleted
  printf 'gpu-check: %s, %d KiB; with the checkout %d of at most %d MiB\n' "$folder/programs.tar.xz" \
    $(($(stat --format %s "$folder/programs.tar.xz") >> 10)) $((bytes >> 20)) "$most_mebibytes"
  ((bytes <= most_mebibytes << 20)) || die "checkout and programs are over $most_mebibytes MiB."
}

case "${1:-}" in
  pack)
    (($# == 2)) || die "usage: gpu-check.sh pack FOLDER"
    pack "$2"
    ;;
  run)
    (($# >= 2)) || die "usage: gpu-check.sh run FOLDER [--json FILE] [--steps NAME,...]"
    exec "${GPU_CHECK_PYTHON:-python3}" -B scripts/gpu_check.py --device "${GPU_CHECK_DEVICE:-cuda:0}" "${@:2}"
    ;;
  *)
    die "expected pack or run"
    ;;
esac
