#!/usr/bin/env bash
# Builds and saves the images with the `docker` at hand.
#
#   scripts/image.sh build cpu|cuda|tools         prints the tag
#   scripts/image.sh tag cpu|cuda|tools           only prints it
#   scripts/image.sh revision                     the commit that a build would name; -modified when the checkout is not it
#   scripts/image.sh save cpu|cuda|tools FILE     as an archive for `docker load`
#   scripts/image.sh pin                          rewrites scripts/debian-packages-runtime.txt with the archive's versions of today
#
# BAYESPFL_IMAGE names the repository (default: bayespfl-inspector), BASE the base image, BAYESPFL_JOBS the compilers at once.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"

die() {
  printf 'image: %s\n' "$*" >&2
  exit 1
}

tag() {
  local repository=${BAYESPFL_IMAGE:-bayespfl-inspector} version
  version=$(scripts/version.sh)
  case $1 in
    cpu) printf '%s:%s\n' "$repository" "$version" ;;
    cuda | tools) printf '%s:%s-%s\n' "$repository" "$version" "$1" ;;
    *) die "$1: expected cpu, cuda or tools" ;;
  esac
}

revision() {
  local commit
  commit=$(git rev-parse HEAD 2>/dev/null || printf 'unknown')
  [[ -z $(git status --porcelain 2>/dev/null) ]] || commit+=-modified
  printf '%s\n' "$commit"
}

build() {
  local target=$1 name created secret=()
  name=$(tag "$target")
  # The commit's own date: the same commit says the same.
  created=$(TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd 2>/dev/null || printf '1970-01-01T00:00:00Z')
  # A package index behind a certificate of its own: pip says so by this variable, and has it from the secret inside.
  [[ -z ${PIP_CERT:-} ]] || secret=(--secret "id=ca,src=$PIP_CERT")
  DOCKER_BUILDKIT=1 docker build --network=host --target "$target" --tag "$name" "${secret[@]}" \
    ${BASE:+--build-arg "BASE=$BASE"} --build-arg "JOBS=${BAYESPFL_JOBS:-2}" --build-arg "VERSION=$(scripts/version.sh)" \
    --build-arg "REVISION=$(revision)" --build-arg "CREATED=$created" . >&2
  printf '%s\n' "$name"
}

pin() {
  local list=scripts/debian-packages-runtime.txt name version pinned=()
  while IFS='=' read -r name _; do
    version=$(apt-cache policy "$name" | sed -n 's/^ *Candidate: //p')
    [[ -n $version && $version != '(none)' ]] || die "Debian's archive has no $name; did \`apt-get update\` run?"
    pinned+=("$name=$version")
  done <"$list"
  printf '%s\n' "${pinned[@]}" >"$list"
}

case ${1:-} in
  build) build "${2:?cpu, cuda or tools}" ;;
  tag) tag "${2:?cpu, cuda or tools}" ;;
  revision) revision ;;
  save) docker save --output "${3:?file}" "$(tag "${2:?cpu, cuda or tools}")" ;;
  pin) pin ;;
  *) die "expected build, tag, revision, save or pin" ;;
esac
