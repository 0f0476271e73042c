#!/usr/bin/env bash
# Installs what building and testing need: Debian packages (as root or through sudo) and one private virtual
# environment with LibTorch and the pinned tools, and one with what the tests import. Says and does nothing where all is
# there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

say() { printf 'setup: %s\n' "$*"; }
die() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

command -v apt-get >/dev/null || die "this needs Debian 12 (apt-get is missing); see docs/quickstart.md for other systems."

make_venv() {
  rm -rf "$1"
  mkdir -p "$(dirname "$1")"
  # The system's interpreter: one of a version manager may vanish under the environment.
  /usr/bin/python3 -m venv "$1" || die "python3 -m venv failed in $1."
}

missing=()
while read -r package; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done <"$repo_root/scripts/debian-packages.txt"

if ((${#missing[@]})); then
  as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "these packages are missing and neither root nor sudo is at hand: ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  "${as_root[@]}" apt-get update -qq >"$log" 2>&1 || die "apt-get update failed: $(tail -n 1 "$log")"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    >"$log" 2>&1 || die "apt-get install failed: $(grep -m1 '^E:' "$log" || tail -n 1 "$log")"
fi

if [[ ! -f "$BAYESPFL_VENV/.complete" ]]; then
  say "creating $BAYESPFL_VENV (LibTorch: 530 MB to fetch, 1.5 GB on disk)"
  make_venv "$BAYESPFL_VENV"
  "$BAYESPFL_VENV/bin/pip" install -q --disable-pip-version-check --no-deps \
    -r "$repo_root/scripts/requirements-libtorch.txt" || die "pip could not install LibTorch; is the package index reachable?"
  say "installing the pinned tools"
  "$BAYESPFL_VENV/bin/pip" install -q --disable-pip-version-check -r "$repo_root/scripts/requirements-tools.txt" ||
    die "pip could not install the tools of scripts/requirements-tools.txt."
  touch "$BAYESPFL_VENV/.complete"
fi

if [[ ! -f "$BAYESPFL_TEST_VENV/.complete" ]]; then
  say "creating $BAYESPFL_TEST_VENV for the tests"
  make_venv "$BAYESPFL_TEST_VENV"
  "$BAYESPFL_TEST_VENV/bin/pip" install -q --disable-pip-version-check -r "$repo_root/scripts/requirements-tests.txt" ||
    die "pip could not install the packages of scripts/requirements-tests.txt."
  touch "$BAYESPFL_TEST_VENV/.complete"
fi
