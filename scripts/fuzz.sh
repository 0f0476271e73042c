#!/usr/bin/env bash
# Fuzzes every target for FUZZ_SECONDS (default 60), two on each processor, from the committed corpus. What it finds
# goes to build/fuzz/work; a target that crashes is named with the file that shows it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"
# Debian's Abseil and Protobuf are built without ASan: it would take what they leave in containers for overflows.
export ASAN_OPTIONS=detect_container_overflow=0:allocator_may_return_null=1

fuzz() {
  local target=$1 seconds=${FUZZ_SECONDS:-60}
  local work=build/fuzz/work/$target
  mkdir -p "$work/corpus"
  printf 'fuzz: %s for %s s\n' "$target" "$seconds"
  if ! "build/fuzz/tests/${target}_fuzz" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=5 -max_len=65536 \
    -print_final_stats=1 -artifact_prefix="$work/" "$work/corpus" "tests/fuzz/corpus/$target" >"$work/log" 2>&1; then
    tail -n 30 "$work/log" >&2
    printf 'fuzz: %s failed; the input lies in %s\n' "$target" "$work" >&2
    return 1
  fi
  printf 'fuzz: %s ran %s inputs\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")"
}
export -f fuzz

cd tests/fuzz
targets=(*_fuzz.cc)
cd ../..
printf '%s\n' "${targets[@]%_fuzz.cc}" | xargs -P "$((2 * $(nproc)))" -I{} bash -euo pipefail -c 'fuzz {}'
