#!/usr/bin/env bash
# serving_bench with tiny cases: it measures both kinds of calls, says in a sentence what is wrong with a flag, and leaves a
# server open for other clients. Numbers are not looked at: they are the machine's.
# usage: serving_bench_test.sh PROGRAM
set -euo pipefail
bench=$1

fail() {
  echo "serving_bench_test: $1" >&2
  exit 1
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Each case has frames, and none without a result.
"$bench" --pictures raw-64 --callers 2 --mask --seconds 0.2 --warm-up 0 --json "$folder/bench.json" >"$folder/table"
for calls in unary stream; do
  grep -Eq "^raw-64 +$calls +2 .* 0\$" "$folder/table" || fail "no row of $calls: $(cat "$folder/table")"
done
[[ $(grep -Ec '^      "frames": [1-9]' "$folder/bench.json") == 2 ]] || fail "frames: $(cat "$folder/bench.json")"

# refuses WORDS FLAG...: exit code 1, nothing on standard output and one line on standard error with these words.
refuses() {
  local words=$1 code=0
  shift
  "$bench" "$@" >"$folder/out" 2>"$folder/error" || code=$?
  [[ $code == 1 && ! -s $folder/out && $(wc -l <"$folder/error") == 1 ]] || fail "$*: $code, $(cat "$folder/error")"
  grep -qF -- "$words" "$folder/error" || fail "$*: $(cat "$folder/error")"
}
refuses "foo not in {raw-64,raw-518,jpeg-2mp}" --pictures foo
refuses "'0' is no number from 1 to 256" --callers 0
refuses "'nan' is no number" --seconds nan
refuses "not expected: --frob" --frob
refuses "--json excludes --serve" --serve 0 --json x
refuses "cannot create" --json "$bench/is/no/folder"

# A server that is left open says where, and ends when it is told to.
"$bench" --serve 0 --serve-seconds 60 >"$folder/serving" &
server=$!
for ((i = 0; i < 300; ++i)); do
  grep -q '^serving .* on 127\.0\.0\.1:[1-9]' "$folder/serving" && break
  sleep 0.1
done
grep -q '^serving ' "$folder/serving" || fail "--serve said nothing"
kill -TERM "$server"
wait "$server" || fail "--serve ended with $?"
