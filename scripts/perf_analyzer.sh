#!/usr/bin/env bash
# NVIDIA's perf_analyzer for the tests: a program inside a Python package, with a library of CUDA's and one of Debian's,
# all unpacked into the cache and not installed.
#
#   perf_analyzer.sh fetch                     unpacks it (13 MB to fetch); prints the program and the folders of its libraries
#   perf_analyzer.sh test [PYTEST ARGUMENT...]   lets it measure the built server over KServe's protocol (tests/perf_analyzer)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"

die() {
  printf 'perf_analyzer: %s\n' "$*" >&2
  exit 1
}

list=scripts/requirements-perf-analyzer.txt
folder=$(venv_of perf-analyzer perf-analyzer)

# Root downloads as itself: apt's own user may not write here, and would only warn.
download() { (cd "$folder/debs" && apt-get download -qq -o APT::Sandbox::User=root libb64-0d >/dev/null 2>&1); }

fetch() {
  mkdir -p "$BAYESPFL_CACHE"
  # Two clones may want the same at once.
  exec 9>"$BAYESPFL_CACHE/perf-analyzer.lock"
  flock 9
  if [[ ! -f $folder/.complete ]]; then
    printf 'perf_analyzer: unpacking it into %s (13 MB to fetch)\n' "$folder" >&2
    rm -rf "$folder"
    /usr/bin/python3 -m venv "$folder" || die "python3 -m venv failed in $folder."
    "$folder/bin/pip" install -q --disable-pip-version-check --no-deps --no-compile -r "$list" ||
      die "pip could not install what $list names; is the package index reachable?"
    mkdir "$folder/debs"
    # A machine on which everything else is installed may never have read the archive's lists.
    download || { apt-get update -qq >/dev/null 2>&1 && download; } ||
      die "Debian's package libb64-0d could not be fetched; is the archive reachable, and did \`apt-get update\` run?"
    dpkg -x "$folder"/debs/libb64-0d_*.deb "$folder/debian"
    rm -rf "$folder/debs"
    touch "$folder/.complete"
  fi
  exec 9>&-
  program=$folder/bin/perf_analyzer
  libraries=$folder/debian/usr/lib/x86_64-linux-gnu:$(echo "$folder"/lib/python3*/site-packages/nvidia/cuda_runtime/lib)
}

# Its package holds a program for one kind of processor.
can_run() {
  [[ $(uname -m) == x86_64 ]] && return 0
  printf 'perf_analyzer: there is none for %s; its tests are skipped.\n' "$(uname -m)" >&2
  return 1
}

case "${1:-}" in
  fetch)
    can_run || exit 1
    fetch
    printf '%s\n' "$program" "$libraries"
    ;;
  test)
    [[ -f $BAYESPFL_TOOLS_VENV/.complete ]] || die "$BAYESPFL_TOOLS_VENV is not there; make setup creates it."
    [[ -x build/bin/bayespfl-server ]] || die "build/bin/bayespfl-server is missing; build it first (make build)."
    can_run || exit 0
    fetch
    export PERF_ANALYZER=$program PERF_ANALYZER_LIBRARIES=$libraries PYTHONDONTWRITEBYTECODE=1
    # Servers as processes are known to the tests of monitoring.
    export PYTHONPATH=$repo_root/tests/prometheus/live:$repo_root/tests/support
    exec "$BAYESPFL_TOOLS_VENV/bin/python" -m pytest -q -p no:cacheprovider --durations=3 "${@:2}" tests/perf_analyzer
    ;;
  *)
    printf 'perf_analyzer.sh: expected fetch or test\n' >&2
    exit 2
    ;;
esac
