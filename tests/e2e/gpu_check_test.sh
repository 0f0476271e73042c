#!/usr/bin/env bash
# scripts/gpu-check.sh as it is rehearsed without a GPU: what is packed runs elsewhere, a step that fails does not hide the
# later ones, and the report says which. The whole run is made by hand (docs/development.md). Exit 77 (skipped) outside git,
# which knows what else would travel.
# usage: gpu_check_test.sh PYTHON_WITH_TORCH
set -euo pipefail
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
git -C "$checkout" rev-parse --git-dir >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# What else lies in this checkout is of no matter here.
export GPU_CHECK_DEVICE=cpu GPU_CHECK_PYTHON=$1 GPU_CHECK_MEBIBYTES=4096 XZ_OPT=-0

fail() {
  printf 'gpu_check_test: %s\n%s\n' "$1" "$(cat "$folder/out")" >&2
  exit 1
}

# steps STEP...: the exit code of a run of them.
steps() {
  local code=0 names
  names=$(IFS=, && echo "$*")
  "$checkout/scripts/gpu-check.sh" run "$folder" --steps "$names" --json "$folder/report.json" >"$folder/out" 2>&1 || code=$?
  echo "$code"
}

# What Python says of `report`, the report of the last run.
report() { "$1" -c "import json, sys; report = json.load(open(sys.argv[1])); print($2)" "$folder/report.json"; }

"$checkout/scripts/gpu-check.sh" pack "$folder" >"$folder/out" || fail "it cannot be packed"
[[ $(steps devices parity memory train) == 0 ]] || fail "a step failed"
[[ $(report "$1" "[step['step'] for step in report['steps'] if step['passed']]") == "['devices', 'parity', 'memory', 'train']" ]] ||
  fail "the report does not say that all passed"
[[ $(report "$1" "report['steps'][2]['results']['out_of_memory'] > 0") == True ]] || fail "no batch met the fault"

# Another program in the place of one of the tests; packed anew without compression, which takes long.
mkdir "$folder/programs"
tar -C "$folder/programs" -xf "$folder/programs.tar.xz"
cp "$(type -P false)" "$folder/programs/bin/parity_test"
tar -C "$folder/programs" -cf "$folder/programs.tar.xz" bin lib
[[ $(steps parity devices) == 1 ]] || fail "a failed test is no failure"
[[ $(report "$1" "[(step['step'], step['passed']) for step in report['steps']]") == "[('devices', True), ('parity', False)]" ]] ||
  fail "the report does not name the step that failed"
