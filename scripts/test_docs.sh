#!/usr/bin/env bash
# Runs the commands of the README and of docs/ with the built programs, as a reader would (tests/docs). They name the default
# ports and the host "gpu", so they get a network of their own, with a loopback and nothing else. Where the kernel refuses
# that, one sentence says so; with REQUIRE_NAMESPACES=1 that is a failure.
#
#   test_docs.sh [PYTEST ARGUMENT...]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"

[[ -f $BAYESPFL_TEST_VENV/.complete ]] || {
  printf 'test_docs: %s is not there; make setup creates it.\n' "$BAYESPFL_TEST_VENV" >&2
  exit 1
}

if [[ ${1:-} != --inside ]]; then
  # The user namespace is for those who are not root; containers of root may lack it.
  for namespaces in "--map-root-user --user --net --mount" "--net --mount"; do
    read -ra own <<<"$namespaces"
    if unshare "${own[@]}" mount --bind /etc/hosts /etc/hosts 2>/dev/null; then
      exec unshare "${own[@]}" scripts/test_docs.sh --inside "$@"
    fi
  done
  printf 'test_docs: the kernel gives no network namespace here; the commands of the documentation are not run.\n' >&2
  exit "$((${REQUIRE_NAMESPACES:-0} != 0))"
fi
shift

hosts=$(mktemp)
printf '127.0.0.1 localhost gpu\n' >"$hosts"
mount --bind "$hosts" /etc/hosts
rm "$hosts"
exec env PYTHONDONTWRITEBYTECODE=1 "$BAYESPFL_TEST_VENV/bin/python" -m pytest -p no:cacheprovider -ra --durations=10 "$@" \
  tests/docs
