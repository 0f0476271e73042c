#!/usr/bin/env bash
# The generated code of the Go client (client/go/gen), by buf.gen.yaml.
#
#   generate_go.sh          writes it anew, after a change of proto/
#   generate_go.sh check    it is what the contract says; changes nothing
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/go.sh"
cd "$repo_root"

generated=client/go/gen
mode=${1:-write}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

case $mode in
  write) find_go || exit 1 ;;
  check)
    # Who has no Go cannot have changed this code with it; the one sentence has been said.
    find_go || exit 0
    ;;
  *)
    printf 'generate_go: expected check or nothing\n' >&2
    exit 2
    ;;
esac

PATH="$(generators):$BAYESPFL_TOOLS_VENV/bin:$PATH"
buf generate --path proto/bayespfl -o "$folder"

if [[ $mode == check ]]; then
  diff -r "$folder/$generated" "$generated" >"$folder/difference" || {
    head -n 20 "$folder/difference" >&2
    printf 'generate_go: %s is not what the contract says; run `make generate`.\n' "$generated" >&2
    exit 1
  }
  exit 0
fi
rm -rf "$generated"
mkdir -p "$(dirname "$generated")"
cp -r "$folder/$generated" "$generated"
