#!/usr/bin/env bash
# Debian's Prometheus and Alertmanager for the tests, unpacked and not installed: nothing of them is started on this
# machine but by a test. And the checks of deploy/prometheus and deploy/grafana.
#
#   prometheus.sh fetch                     unpack them; prints the folder with prometheus, promtool and the alertmanager
#   prometheus.sh check [PYTEST ARGUMENT...]  rules, their cases and runbooks, dashboards against Grafana's schema (tests/prometheus)
#   prometheus.sh draw                      docs/monitoring.svg anew, beside the built programs (three minutes)
#   prometheus.sh test [PYTEST ARGUMENT...]   dashboards and alerts beside the built programs (tests/prometheus/live)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"

die() {
  printf 'prometheus: %s\n' "$*" >&2
  exit 1
}

packages=(prometheus prometheus-alertmanager)
folder=$BAYESPFL_CACHE/prometheus-debian12

# Root downloads as itself: apt's own user may not write here, and would only warn.
download() { (cd "$folder/debs" && apt-get download -qq -o APT::Sandbox::User=root "${packages[@]}" >/dev/null 2>&1); }

fetch() {
  [[ ! -f $folder/.complete ]] || return 0
  printf 'prometheus: unpacking %s into %s (60 MB to fetch)\n' "${packages[*]}" "$folder" >&2
  rm -rf "$folder"
  mkdir -p "$folder/debs"
  # A machine on which everything else is installed may never have read the archive's lists.
  download || { apt-get update -qq >/dev/null 2>&1 && download; } ||
    die "Debian's packages ${packages[*]} could not be fetched; is the archive reachable, and did \`apt-get update\` run?"
  local deb
  for deb in "$folder"/debs/*.deb; do dpkg -x "$deb" "$folder"; done
  rm -rf "$folder/debs"
  touch "$folder/.complete"
}

need_built() {
  local file
  for file in "$@"; do [[ -e build/$file ]] || die "build/$file is missing; build it first (make build)."; done
}

case "${1:-}" in
  fetch)
    fetch
    printf '%s\n' "$folder/usr/bin"
    ;;
  check)
    [[ -f $BAYESPFL_TOOLS_VENV/.complete ]] || die "$BAYESPFL_TOOLS_VENV is not there; make setup creates it."
    fetch
    # Grafana's schema is a Go module; without Go those tests are skipped, with a sentence.
    source scripts/go.sh
    find_go || true
    export PROMETHEUS_FOLDER=$folder/usr/bin PYTHONDONTWRITEBYTECODE=1
    MYPYPATH=tests/support "$BAYESPFL_TOOLS_VENV/bin/python" -m mypy --strict --python-version 3.11 \
      --cache-dir "$BAYESPFL_CACHE/mypy-prometheus" --no-error-summary tests/prometheus tests/support
    exec "$BAYESPFL_TOOLS_VENV/bin/python" -m pytest -q -ra -p no:cacheprovider --ignore=tests/prometheus/live "${@:2}" \
      tests/prometheus
    ;;
  draw)
    need_built bin/bayespfl-server
    fetch
    drawing=$(venv_of drawing-venv drawing)
    if [[ ! -f $drawing/.complete ]]; then
      rm -rf "$drawing"
      /usr/bin/python3 -m venv "$drawing"
      "$drawing/bin/pip" install -q --disable-pip-version-check --no-deps -r scripts/requirements-drawing.txt ||
        die "pip could not install what scripts/requirements-drawing.txt names; is the package index reachable?"
      touch "$drawing/.complete"
    fi
    export PROMETHEUS_FOLDER=$folder/usr/bin PYTHONPATH=$repo_root/tests/support PYTHONDONTWRITEBYTECODE=1
    exec "$drawing/bin/python" tests/prometheus/live/draw.py docs/monitoring.svg
    ;;
  test)
    [[ -f $BAYESPFL_TOOLS_VENV/.complete ]] || die "$BAYESPFL_TOOLS_VENV is not there; make setup creates it."
    need_built bin/bayespfl-server tests/made_up_nvml_full.so
    fetch
    export PROMETHEUS_FOLDER=$folder/usr/bin PYTHONPATH=$repo_root/tests/support PYTHONDONTWRITEBYTECODE=1
    exec "$BAYESPFL_TOOLS_VENV/bin/python" -m pytest -q -p no:cacheprovider --durations=5 "${@:2}" tests/prometheus/live
    ;;
  *)
    printf 'prometheus.sh: expected fetch, check, draw or test\n' >&2
    exit 2
    ;;
esac
