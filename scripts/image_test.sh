#!/usr/bin/env bash
# Builds the images and the bundle with an engine of the tests' own (scripts/engine.sh) and runs tests/image on them and on
# the packages (`make packages`). Needs root.
#
#   image_test.sh [PYTEST ARGUMENT...]
#
# BAYESPFL_ENGINE: the folder of an engine that runs (`scripts/engine.sh start FOLDER`); it is used and left running, and
# keeps what it has built. IMAGE_TEST_CUDA=1: the image for GPUs too.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"

engine=${BAYESPFL_ENGINE:-}
if [[ -z $engine ]]; then
  engine=$(mktemp -d /tmp/bayespfl-engine.XXXXXX)
  trap 'scripts/engine.sh stop "$engine"' EXIT
  scripts/engine.sh start "$engine"
fi
settings=$(scripts/engine.sh env "$engine")
eval "$settings"

targets=(cpu tools)
[[ ${IMAGE_TEST_CUDA:-} != 1 ]] || targets+=(cuda)
for target in "${targets[@]}"; do
  log=$engine/build-$target.log
  printf 'image_test: building the image %s (%s)\n' "$target" "$log"
  nice scripts/image.sh build "$target" 2>"$log" || {
    tail -n 40 "$log" >&2
    exit 1
  }
done
scripts/engine.sh compose "$engine"
scripts/bundle.sh
# No exec: the trap has to run.
env PYTHONDONTWRITEBYTECODE=1 "$BAYESPFL_TEST_VENV/bin/python" -m pytest -p no:cacheprovider -ra --durations=10 "$@" tests/image
