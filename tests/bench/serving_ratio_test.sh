#!/usr/bin/env bash
# serving_ratio with a tiny turn: it measures both ways, and says in a sentence what is wrong. Numbers are not looked at: they
# are the machine's.
# usage: serving_ratio_test.sh PROGRAM MODEL PICTURES
set -euo pipefail
bench=$1 model=$2 pictures=$3

fail() {
  echo "serving_ratio_test: $1" >&2
  exit 1
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Both have frames, and waits for nobody who is gone.
"$bench" --model "$model" --category leather --streams 2 --mask --turns 2 --seconds 2 --warm-up 0 \
  --json "$folder/ratio.json" "$pictures" >"$folder/table"
grep -Eq "^1 .*[1-9]" "$folder/table" || fail "no row of the first turn: $(cat "$folder/table")"
grep -q "^median " "$folder/table" || fail "no row of medians: $(cat "$folder/table")"
[[ $(grep -Ec '^        "frames": [1-9]' "$folder/ratio.json") == 4 ]] || fail "frames: $(cat "$folder/ratio.json")"

# refuses WORDS FLAG...: exit code 1, nothing on standard output and these words on standard error.
refuses() {
  local words=$1 code=0
  shift
  "$bench" "$@" >"$folder/out" 2>"$folder/error" || code=$?
  [[ $code == 1 && ! -s $folder/out ]] || fail "$*: $code, $(cat "$folder/error")"
  grep -qF -- "$words" "$folder/error" || fail "$*: $(cat "$folder/error")"
}
refuses "--model is required" --category leather "$pictures"
refuses "'0' is no number from 1 to 256" --model "$model" --category leather --streams 0 "$pictures"
refuses "the server did not start" --model "$folder" --category leather "$pictures"
refuses "$folder" --model "$model" --category leather "$folder"
