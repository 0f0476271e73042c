#!/usr/bin/env bash
# A real OpenTelemetry Collector for the tests of traces (tests/traces), built through the Go module proxy into the cache. A
# machine without Go gets a sentence, and that is no failure.
#
#   traces.sh fetch                    builds it where it is missing (two minutes, once); prints the folder with it
#   traces.sh test [PYTEST ARGUMENT…]  lets it take what the built server sends
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/go.sh"
cd "$repo_root"

source_folder=tests/traces/collector
folder=$BAYESPFL_CACHE/otel-collector-$(cat "$source_folder"/* | sha256sum | cut -c1-12)

die() {
  printf 'traces: %s\n' "$*" >&2
  exit 1
}

# Whether it is there, or can be built.
can_build() {
  [[ ! -f $folder/.complete ]] || return 0
  find_go || return 1
  local needs
  needs=$(sed -n 's/^go //p' "$source_folder/go.mod")
  go_needs=$needs new_enough go || {
    printf 'traces: the collector needs Go %s or newer; its tests are skipped.\n' "$needs" >&2
    return 1
  }
}

fetch() {
  mkdir -p "$BAYESPFL_CACHE"
  # Two clones may want the same at once.
  exec 9>"$BAYESPFL_CACHE/otel-collector.lock"
  flock 9
  if [[ ! -f $folder/.complete ]]; then
    printf 'traces: building the OpenTelemetry Collector into %s (two minutes)\n' "$folder" >&2
    rm -rf "$folder"
    mkdir -p "$folder"
    CGO_ENABLED=0 go -C "$source_folder" build -trimpath -p "${BAYESPFL_JOBS:-2}" -ldflags '-s -w' -o "$folder/otelcol" . ||
      die "the collector could not be built; is the Go module proxy reachable?"
    touch "$folder/.complete"
  fi
  exec 9>&-
}

case "${1:-}" in
  fetch)
    can_build || die "Go builds the collector."
    fetch
    printf '%s\n' "$folder"
    ;;
  test)
    [[ -f $BAYESPFL_TEST_VENV/.complete ]] || die "$BAYESPFL_TEST_VENV is not there; make setup creates it."
    [[ -x build/bin/bayespfl-server ]] || die "build/bin/bayespfl-server is missing; build it first (make build)."
    can_build || exit 0
    fetch
    export COLLECTOR=$folder/otelcol PYTHONDONTWRITEBYTECODE=1
    # Servers as processes are known to the tests of monitoring; the messages are the Python client's.
    export PYTHONPATH=$repo_root/tests/prometheus/live:$repo_root/tests/support:$repo_root/client/python/src
    exec "$BAYESPFL_TEST_VENV/bin/python" -m pytest -q -p no:cacheprovider --durations=5 "${@:2}" tests/traces/live
    ;;
  *)
    printf 'traces.sh: expected fetch or test\n' >&2
    exit 2
    ;;
esac
