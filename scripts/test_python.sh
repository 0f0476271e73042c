#!/usr/bin/env bash
# Tests the Python client against the built server, in an environment for each list of client/python/requirements, two at
# once: the whole suite on the oldest and the newest libraries, what must hold beside other packages (`-m smoke`) on the
# others.
#   test_python.sh [ENVIRONMENT...]     all of them by default
# The environments are named by their lists, like those of scripts/env.sh, and made when they are missing.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"

die() {
  printf 'test_python: %s\n' "$*" >&2
  exit 1
}

lists=client/python/requirements
server=${BAYESPFL_SERVER_BINARY:-$repo_root/build/bin/bayespfl-server}
[[ -x $server ]] || die "$server is missing; build it first (make build), or name another with BAYESPFL_SERVER_BINARY."
export BAYESPFL_SERVER_BINARY=$server
# Goodbyes of servers that a test stops are not worth a line each.
export GRPC_VERBOSITY=${GRPC_VERBOSITY:-error}

environment_of() {
  local list=$lists/$1.txt
  [[ -f $list ]] || die "there is no environment $1; there are: $(cd "$lists" && printf '%s ' *.txt | sed 's/\.txt//g')"
  printf '%s/python-%s-%s\n' "$BAYESPFL_CACHE" "$1" "$(sha256sum <"$list" | cut -c1-12)"
}

make_environment() {
  local folder=$1 name=$2
  [[ ! -f $folder/.complete ]] || return 0
  printf 'test_python: creating %s\n' "$folder"
  rm -rf "$folder"
  mkdir -p "$(dirname "$folder")"
  /usr/bin/python3 -m venv "$folder" || die "python3 -m venv failed in $folder."
  "$folder/bin/pip" install -q --disable-pip-version-check --no-deps -r "$lists/$name.txt" ||
    die "pip could not install what $lists/$name.txt names; is the package index reachable?"
  touch "$folder/.complete"
}

# The package of this checkout, beside the environment and not in it: other clones use the same environment.
work=$(mktemp -d)
# What runs in the background does not hear of Ctrl-C by itself.
# Those that are stopped say where they were.
declare -A pids=()
stop() {
  local name stopped=()
  for name in "${!pids[@]}"; do
    kill "${pids[$name]}" 2>/dev/null && stopped+=("$name")
  done
  wait
  for name in "${stopped[@]}"; do
    printf '\ntest_python: %s was stopped; all that it said:\n' "$name"
    cat "$work/$name.log"
  done
  rm -rf "$work"
}
trap stop EXIT
build_wheel() {
  local builder
  builder=$(environment_of newest)
  make_environment "$builder" newest
  (cd client/python && "$builder/bin/python" -m hatchling build -t wheel -d "$work" >/dev/null 2>&1) ||
    die "the wheel of client/python could not be built."
}

# Makes an environment, and installs the package beside it.
prepare() {
  local name=$1 folder
  folder=$(environment_of "$name")
  make_environment "$folder" "$name"
  "$folder/bin/pip" install -q --disable-pip-version-check --no-deps --no-compile --target "$work/$name" \
    "$work"/bayespfl_client-*.whl || die "the wheel could not be installed."
}

# Begins an environment's tests; what they print is kept for later. Its process is pids[$name].
begin() {
  local name=$1 python arguments=(-m smoke tests/test_smoke.py)
  python=$(environment_of "$name")/bin/python
  [[ $name != floor && $name != newest ]] || arguments=(tests)
  (
    cd client/python
    exec env PYTHONPATH="$work/$name" PYTHONDONTWRITEBYTECODE=1 "$python" -m pytest -q -p no:cacheprovider "${arguments[@]}"
  ) >"$work/$name.log" 2>&1 &
  pids[$name]=$!
}

names=("$@")
((${#names[@]})) || names=(floor newest protobuf5 triton-protobuf4 triton-protobuf6)
build_wheel
for name in "${names[@]}"; do prepare "$name"; done

# Two at once: they mostly wait. The floor takes longest, and comes first.
for name in "${names[@]}"; do
  while (($(jobs -rp | wc -l) >= 2)); do sleep 0.2; done
  begin "$name"
done
failed=()
for name in "${names[@]}"; do
  wait "${pids[$name]}" || failed+=("$name")
  unset "pids[$name]"
  printf '\ntest_python: %s\n' "$name"
  cat "$work/$name.log"
done
((${#failed[@]} == 0)) || die "failed on: ${failed[*]}"
