#!/usr/bin/env bash
# The tests that hold the concurrency under ThreadSanitizer, and those of everything that reads bytes of strangers under
# AddressSanitizer and UBSan: without LibTorch and gRPC, so that they build in minutes. `make asan` runs all tests.
#   sanitizers.sh thread | address | all
#   sanitizers.sh build                     only compiles them
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"
# Threads: they link neither gRPC nor LibTorch, whose builds ThreadSanitizer cannot see into.
thread_tests=(ordered_exchange_test pipeline_test telemetry_test)
# Pictures, packages, tokens, tables, what is trained on, and frames on their way through the pipeline.
address_tests=(augmentation_test base_test feature_cache_test image_test ordered_exchange_test package_test picture_files_test pipeline_test
  synthetic_test tokenizer_test training_data_test)

# Clang's, in the tree of the fuzzers: what both need is compiled once.
threads_preset=tsan
addresses_preset=fuzz

run() {
  local preset=$1
  shift
  for test in "$@"; do
    printf 'sanitizers: %s, %s\n' "$preset" "$test"
    "build/$preset/tests/$test" --gtest_brief=1
  done
}

threads() {
  scripts/build.sh "$threads_preset" "${thread_tests[@]}"
  TSAN_OPTIONS="exitcode=66" run "$threads_preset" "${thread_tests[@]}"
}

addresses() {
  scripts/build.sh "$addresses_preset" "${address_tests[@]}"
  # Leaks too: it is LibTorch that keeps what it has until the end, and it is not here. Debian's Abseil and Protobuf are built
  # without ASan: it would take what they leave in containers for overflows.
  ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=1:detect_container_overflow=0}" \
    run "$addresses_preset" "${address_tests[@]}"
}

case ${1:-all} in
  build)
    scripts/build.sh "$threads_preset" "${thread_tests[@]}"
    scripts/build.sh "$addresses_preset" "${address_tests[@]}"
    ;;
  thread) threads ;;
  address) addresses ;;
  all)
    threads
    addresses
    ;;
  *)
    printf 'usage: sanitizers.sh build | thread | address | all\n' >&2
    exit 2
    ;;
esac
