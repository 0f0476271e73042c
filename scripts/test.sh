#!/usr/bin/env bash
# Runs the tests of a built preset (default: release).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"
build_dir=build
[[ ${1:-release} == release ]] || build_dir=build/$1
# libtorch_cpu.so keeps thread pools and caches until the process ends; they are not leaks of this project.
# The server's standard error leads through the server itself; abort() waits until a report is through, exit() does not.
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=0:abort_on_error=1}"
failed=0
ctest --test-dir "$build_dir" --output-on-failure --no-tests=error --parallel 2 --progress || failed=1

# The clients, monitoring and the documentation, beside the release build alone: its programs are what users run. First each
# client by itself, then all three together.
if [[ $build_dir == build ]]; then
  scripts/test_cpp_consumer.sh "$build_dir" || failed=1
  scripts/test_go.sh || failed=1
  scripts/test_python.sh || failed=1
  scripts/test_clients.sh || failed=1
  scripts/prometheus.sh test || failed=1
  scripts/traces.sh test || failed=1
  scripts/perf_analyzer.sh test || failed=1
  scripts/test_docs.sh || failed=1
fi
exit "$failed"
