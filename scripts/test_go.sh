#!/usr/bin/env bash
# Runs the tests of the Go client under the race detector, against a server that misbehaves on purpose and against the
# real one where it is built. Without Go it says in one sentence what is missing, and is no failure.
#
#   test_go.sh [GO TEST ARGUMENT...]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/go.sh"
cd "$repo_root"

find_go || exit 0

server=${BAYESPFL_SERVER_BINARY:-$repo_root/build/bin/bayespfl-server}
if [[ -x $server ]]; then
  export BAYESPFL_SERVER_BINARY=$server
else
  printf 'test_go: %s is not built; the tests against the real server are skipped (make programs builds it).\n' "$server" >&2
fi
cd client/go
# -count=1: a result of another server must not be taken for this one's.
go test -race -count=1 "$@" ./...
