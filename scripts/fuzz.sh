#!/usr/bin/env bash
# Fuzzes every target for FUZZ_SECONDS (default 60), one after the other, from the committed corpus. What it finds goes to
# build/fuzz/work; a crash stops it and names the file that shows it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"
# Debian's Abseil and Protobuf are built without ASan: it would take what they leave in containers for overflows.
export ASAN_OPTIONS=detect_container_overflow=0:allocator_may_return_null=1
for target in checkpoint config kserve picture request safetensors tokenizer; do
  work=build/fuzz/work/$target
  mkdir -p "$work/corpus"
  printf 'fuzz: %s for %s s\n' "$target" "${FUZZ_SECONDS:-60}"
  if ! "build/fuzz/tests/${target}_fuzz" -max_total_time="${FUZZ_SECONDS:-60}" -rss_limit_mb=2048 -timeout=5 \
    -max_len=65536 -print_final_stats=1 -artifact_prefix="$work/" "$work/corpus" "tests/fuzz/corpus/$target" \
    >"$work/log" 2>&1; then
    tail -n 30 "$work/log" >&2
    printf 'fuzz: %s failed; the input lies in %s\n' "$target" "$work" >&2
    exit 1
  fi
  grep -E 'DONE|stat::number_of_executed_units|stat::new_units_added' "$work/log" | tail -n 3
done
