#!/usr/bin/env bash
# Makes the Debian packages and the archive into build/packages, from the release build.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"
rm -rf build/packages
for generator in DEB TGZ; do
  log=$(mktemp)
  (cd build && cpack -G "$generator") >"$log" 2>&1 || {
    cat "$log" >&2
    printf 'packages: cpack -G %s failed; the reason stands above.\n' "$generator" >&2
    exit 1
  }
  rm -f "$log"
done
rm -rf build/packages/_CPack_Packages
ls -sh build/packages
