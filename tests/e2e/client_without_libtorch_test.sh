#!/usr/bin/env bash
# client_without_libtorch_test.sh PROGRAMS: the client runs on a camera PC, where there is no LibTorch (nor room for it).
set -euo pipefail
libraries=$(ldd "$1/bayespfl-client")
if grep -E 'libtorch|libc10' <<<"$libraries"; then
  printf 'bayespfl-client needs LibTorch\n' >&2
  exit 1
fi
# Shows that the look would have found it.
grep -q libtorch <<<"$(ldd "$1/bayespfl-model")"
