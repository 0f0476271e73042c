#!/usr/bin/env bash
# Installs what building and testing need: Debian packages (as root or through sudo) and one private virtual
# environment with LibTorch and the pinned tools. Says and does nothing where all is there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

say() { printf 'setup: %s\n' "$*"; }
die() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

command -v apt-get >/dev/null || die "this needs Debian 12 (apt-get is missing); see docs/quickstart.md for other systems."

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
  say "creating $BAYESPFL_VENV (LibTorch: 530 MB to fetch, 1.3 GB on disk)"
  rm -rf "$BAYESPFL_VENV"
  mkdir -p "$(dirname "$BAYESPFL_VENV")"
  # The system's interpreter: one of a version manager may vanish under the environment.
  /usr/bin/python3 -m venv "$BAYESPFL_VENV" || die "python3 -m venv failed in $BAYESPFL_VENV."
  "$BAYESPFL_VENV/bin/pip" install -q --disable-pip-version-check --no-deps \
    -r "$repo_root/scripts/requirements-libtorch.txt" || die "pip could not install LibTorch; is the package index reachable?"
  say "installing the pinned tools"
  "$BAYESPFL_VENV/bin/pip" install -q --disable-pip-version-check -r "$repo_root/scripts/requirements-tools.txt" ||
    die "pip could not install the tools of scripts/requirements-tools.txt."
  touch "$BAYESPFL_VENV/.complete"
fi
