#!/usr/bin/env bash
# Runs the tests of a built preset (default: release).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"
build_dir=build
[[ ${1:-release} == release ]] || build_dir=build/$1
# libtorch_cpu.so keeps thread pools and caches until the process ends; they are not leaks of this project.
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=0}"
ctest --test-dir "$build_dir" --output-on-failure --no-tests=error --parallel 2 --progress

# The Python client in its environments; its programs are those of the release build.
[[ ${1:-release} != release ]] || scripts/test_python.sh
