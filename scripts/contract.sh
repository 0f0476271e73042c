#!/usr/bin/env bash
# The contract's snapshot and its page of documentation.
#
#   contract.sh check            docs/api.md is what the comments say; what the snapshot holds is still there; and the
#                                snapshot is the contract as it is now and has its line in CHANGELOG.md
#   contract.sh update           writes both anew, after additions
#   contract.sh update --break   the same after any change; the line in CHANGELOG.md says what breaks
#
# The line in CHANGELOG.md names the contract by the first 12 digits of the snapshot's SHA-256, which `update` prints.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"
PATH="$BAYESPFL_TOOLS_VENV/bin:$PATH"

snapshot=proto/contract.txtpb
page=docs/api.md
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
  printf 'contract: %s\n' "$1" >&2
  exit 1
}
number() { sha256sum <"$1" | cut -c1-12; }

buf build --path proto/bayespfl --exclude-imports -o "$folder/contract.json"
buf build --path proto/bayespfl --exclude-source-info -o "$folder/contract.txtpb"
/usr/bin/python3 scripts/api_reference.py "$folder/contract.json" >"$folder/api.md"
additions_only() { buf breaking "$folder/contract.txtpb" --against "$snapshot"; }

case "${1:-}" in
  check)
    additions_only || fail "the contract breaks what $snapshot promises; nothing may go or change its meaning."
    cmp -s "$folder/contract.txtpb" "$snapshot" || fail "the contract has grown; run \`make contract\`."
    cmp -s "$folder/api.md" "$page" || fail "$page is not what the contract's comments say; run \`make contract\`."
    grep -qF "contract \`$(number "$snapshot")\`" CHANGELOG.md ||
      fail "CHANGELOG.md has no line for contract \`$(number "$snapshot")\`: what does it add?"
    ;;
  update)
    if [[ ${2:-} != --break && -f $snapshot ]]; then
      additions_only || fail "this is more than an addition; \`scripts/contract.sh update --break\` if it must be."
    fi
    cp "$folder/contract.txtpb" "$snapshot"
    cp "$folder/api.md" "$page"
    printf 'contract: CHANGELOG.md needs a line with: contract `%s`\n' "$(number "$snapshot")"
    ;;
  *)
    fail "expected check or update"
    ;;
esac
