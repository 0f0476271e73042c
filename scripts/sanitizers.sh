#!/usr/bin/env bash
# The tests that hold the concurrency under ThreadSanitizer, and those of everything that reads bytes of strangers under
# AddressSanitizer and UBSan: without LibTorch and gRPC, so that they build in minutes. `make asan` runs all tests.
#   sanitizers.sh thread | address | all
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"
# Threads: they link neither gRPC nor LibTorch, whose builds ThreadSanitizer cannot see into.
thread_tests=(ordered_exchange_test pipeline_test telemetry_test)
# Pictures, packages, tokens, tables, what is trained on, and frames on their way through the pipeline.
address_tests=(augmentation_test base_test feature_cache_test image_test ordered_exchange_test package_test picture_files_test pipeline_test
  synthetic_test tokenizer_test training_data_test)

run() {
  local preset=$1
  shift
  scripts/build.sh "$preset" "$@"
  for test in "$@"; do
    printf 'sanitizers: %s, %s\n' "$preset" "$test"
    "build/$preset/tests/$test" --gtest_brief=1
  done
}

threads() {
  TSAN_OPTIONS="suppressions=$repo_root/tests/tsan.supp exitcode=66" run tsan "${thread_tests[@]}"
}

addresses() {
  # Leaks too: it is LibTorch that keeps what it has until the end, and it is not here.
  ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=1}" run asan "${address_tests[@]}"
}

case ${1:-all} in
  thread) threads ;;
  address) addresses ;;
  all)
    threads
    addresses
    ;;
  *)
    printf 'usage: sanitizers.sh thread | address | all\n' >&2
    exit 2
    ;;
esac
