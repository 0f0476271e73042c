#!/usr/bin/env bash
# Runs the tests of a built preset (default: release). Beside ctest's own, and at the same time, the release build gets those of
# the clients, of monitoring and of the documentation, since they mostly wait: two rows of them, one suite after the other in
# each. What a suite prints is shown when it has ended, and in full again at the end where it failed.
#
#   test.sh [PRESET]
# shellcheck disable=SC2329 # its functions are called through trap and begin
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"
build_dir=build
[[ ${1:-release} == release ]] || build_dir=build/$1
# libtorch_cpu.so keeps thread pools and caches until the process ends; they are not leaks of this project.
# The server's standard error leads through the server itself; abort() waits until a report is through, exit() does not.
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=0:abort_on_error=1}"

# The longest suite takes ten minutes: what is still there then has hung, and is named instead of waited for.
SUITE_SECONDS=${SUITE_SECONDS:-1800}

# Many programs compute here at the same time. The threads of one of them, which wait for each other in a loop between two
# operations, would keep those of the others from the processors: four runs of one suite at a time take 6 times as long then.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-PASSIVE}"

logs=$(mktemp -d)
rows=()
# What runs in the background does not hear of Ctrl-C by itself.
stop() {
  local row
  for row in "${rows[@]}"; do kill -INT -- "-$row" 2>/dev/null || true; done
  wait
  rm -rf "$logs"
}
trap stop EXIT

# begin ROW: in the background, in a process group of its own, so that all that it starts can be stopped with it. A suite that
# is interrupted may well end as one that failed: without the trap its row would go on with the next one.
begin() {
  set -m
  (
    trap 'kill -TERM "$running" 2>/dev/null; exit 130' INT
    "$@"
  ) &
  rows+=("$!")
  set +m
}

# suite NAME COMMAND...: runs it, and leaves NAME.log, with NAME.failed beside it where that is what it did.
suite() {
  local name=$1 began=$SECONDS
  shift
  local outcome=passed
  # In the background, for a shell that waits for a program hears of Ctrl-C only when that has ended.
  timeout --kill-after=30 "$SUITE_SECONDS" "$@" >"$logs/$name.log" 2>&1 </dev/null &
  running=$!
  local code=0
  wait "$running" || code=$?
  if ((code != 0)); then
    outcome=FAILED
    touch "$logs/$name.failed"
    ((code != 124 && code != 137)) || printf 'test: %s hung: stopped after %d s\n' "$name" "$SUITE_SECONDS" >>"$logs/$name.log"
  fi
  printf '\ntest: %s %s in %d s; it said:\n%s\n' "$name" "$outcome" "$((SECONDS - began))" "$(tail -n 12 "$logs/$name.log")"
}

# The programs that users run: each client by itself, then all three together; and what watches them.
clients() {
  suite cpp_consumer scripts/test_cpp_consumer.sh "$build_dir"
  suite go scripts/test_go.sh
  suite clients scripts/test_clients.sh
}
surroundings() {
  suite python scripts/test_python.sh
  suite monitoring scripts/prometheus.sh test
  suite traces scripts/traces.sh test
  suite perf_analyzer scripts/perf_analyzer.sh test
  suite docs scripts/test_docs.sh
}

failed=0
if [[ $build_dir == build ]]; then
  begin clients
  begin surroundings
fi
ctest --test-dir "$build_dir" --output-on-failure --no-tests=error --parallel 2 --progress || failed=1
wait
for mark in "$logs"/*.failed; do
  [[ -e $mark ]] || break
  failed=1
  name=$(basename "$mark" .failed)
  printf '\ntest: %s FAILED; all that it said:\n' "$name"
  cat "$logs/$name.log"
done
exit "$failed"
