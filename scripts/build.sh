#!/usr/bin/env bash
# Configures and builds a preset (default: release), all of it or the named targets; prints nothing but progress, and nothing at all when up to date.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
preset=${1:-release}
targets=("${@:2}")
cd "$repo_root"

build_dir=build
[[ $preset == release ]] || build_dir=build/$preset
# A tree that was configured with other presets would keep their flags.
presets=$(sha256sum <CMakePresets.json | cut -c1-12)
configured() {
  [[ -f $build_dir/build.ninja ]] &&
    grep -qxF "BAYESPFL_PRESETS:UNINITIALIZED=$presets" "$build_dir/CMakeCache.txt" &&
    grep -qxF "BAYESPFL_VENV:UNINITIALIZED=$BAYESPFL_VENV" "$build_dir/CMakeCache.txt" &&
    grep -qxF "BAYESPFL_TEST_VENV:UNINITIALIZED=$BAYESPFL_TEST_VENV" "$build_dir/CMakeCache.txt"
}
if ! configured; then
  printf 'build: configuring preset %s\n' "$preset"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  if ! cmake --preset "$preset" "-DBAYESPFL_VENV=$BAYESPFL_VENV" "-DBAYESPFL_TEST_VENV=$BAYESPFL_TEST_VENV" \
    "-DBAYESPFL_PRESETS=$presets" >"$log" 2>&1; then
    cat "$log" >&2
    printf 'build: cmake could not configure; the reason stands above.\n' >&2
    exit 1
  fi
fi
if ninja -C "$build_dir" -n "${targets[@]}" 2>/dev/null | grep -q '^ninja: no work to do'; then exit; fi
# Two LibTorch compiles take 4 GB together; more at once would need more memory than small machines have.
cmake --build "$build_dir" --parallel "${BAYESPFL_JOBS:-2}" ${targets[@]:+--target "${targets[@]}"}
