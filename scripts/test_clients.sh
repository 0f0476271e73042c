#!/usr/bin/env bash
# Runs the tests across the clients (tests/clients) against the built server: the table of cases, a faulty network, servers
# that come and go. A client whose driver is missing is skipped with a sentence, unless BAYESPFL_REQUIRE_CLIENTS
# ("python,go,cpp") names it; then that is a failure.
#
#   test_clients.sh [PYTEST ARGUMENT...]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"

[[ -f $BAYESPFL_TEST_VENV/.complete ]] || {
  printf 'test_clients: %s is not there; make setup creates it.\n' "$BAYESPFL_TEST_VENV" >&2
  exit 1
}

# Builds the Go client's driver; fails, with the reason, where there is no Go or the driver does not compile.
build_go_driver() (
  if [[ -f scripts/go.sh ]]; then
    # shellcheck source=/dev/null
    source scripts/go.sh
    find_go
  fi
  mkdir -p "$(dirname "$1")"
  cd client/go
  go build -o "$1" ./internal/driver
)

if [[ -z ${BAYESPFL_GO_DRIVER:-} && -f client/go/go.mod ]]; then
  driver=$repo_root/build/tests/go_client_driver
  rm -f "$driver" # one of yesterday must not pass for this one
  if build_go_driver "$driver"; then
    export BAYESPFL_GO_DRIVER=$driver
  else
    printf 'test_clients: the Go driver could not be built; the reason stands above.\n' >&2
  fi
fi

# No bytecode and no cache beside the sources. -ra: each skipped test says why.
export PYTHONPATH=$repo_root/tests/support PYTHONDONTWRITEBYTECODE=1
exec "$BAYESPFL_TEST_VENV/bin/python" -m pytest -p no:cacheprovider -ra --durations=10 "$@" tests/clients
