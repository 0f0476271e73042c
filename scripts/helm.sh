#!/usr/bin/env bash
# Helm for the chart: where it comes from. Sourced by the scripts that need it; run, it prepares it or runs it.
#
#   helm.sh setup      builds Helm 3 through the Go module proxy, where it is not there yet; never fails (chart.sh calls it)
#   helm.sh setup 4    the same for Helm 4, which the chart is rendered with too where it is at hand
#   helm.sh run ARGS   runs Helm 3 with ARGS
#
# After `source scripts/helm.sh`, `find_helm 3` (or 4) prints the program's path, or says in one sentence what is missing and
# returns 1. Not the one on PATH: goldens are those of one version.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/go.sh"

declare -A helm_versions=([3]=v3.22.0 [4]=v4.3.2)
# The Kubernetes that Helm 3 lints for: that of k8s.io/client-go in its go.mod. Its own Makefile says so to the linker, and
# without that it is 1.20. Helm 4 asks its build.
helm_3_kubernetes_minor=37

helm_folder() { printf '%s/helm-%s\n' "$BAYESPFL_CACHE" "${helm_versions[$1]}"; }

find_helm() {
  local folder
  folder=$(helm_folder "$1")
  if [[ -x $folder/helm ]]; then
    printf '%s\n' "$folder/helm"
    return 0
  fi
  printf 'helm: Helm %s is not there; scripts/helm.sh setup %s builds it, with Go, in two minutes.\n' "$1" "$1" >&2
  return 1
}

setup_helm() {
  local folder module=helm.sh/helm/v$1 version=${helm_versions[$1]}
  folder=$(helm_folder "$1")
  [[ ! -x $folder/helm ]] || return 0
  find_go || return 0
  printf 'setup: building %s (Helm %s for the chart: 60 MB on disk, two minutes)\n' "$folder" "$version"
  mkdir -p "$folder"
  # Outside the checkout, so that no go.mod of ours has a say in its versions; and its version, which a build through the
  # proxy does not carry. Built beside its place: what is half done must not pass for whole.
  local staging
  staging=$(mktemp -d "$folder/build.XXXXXX")
  local flags="-s -w -X $module/internal/version.version=$version" package
  if (($1 == 3)); then
    for package in pkg/lint/rules pkg/chartutil; do
      flags+=" -X $module/$package.k8sVersionMajor=1 -X $module/$package.k8sVersionMinor=$helm_3_kubernetes_minor"
    done
  fi
  (cd / && GOBIN=$staging GOFLAGS='' CGO_ENABLED=0 go install -trimpath -ldflags "$flags" "$module/cmd/helm@$version") &&
    mv "$staging/helm" "$folder/helm" ||
    printf 'setup: Helm %s could not be built (%s needs the Go module proxy, and perhaps a newer Go); the reason stands above.\n' \
      "$1" "$module" >&2
  rm -rf "$staging"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  case "${1:-}" in
    setup) setup_helm "${2:-3}" ;;
    run)
      helm=$(find_helm 3)
      exec "$helm" "${@:2}"
      ;;
    *)
      printf 'helm.sh: expected setup or run\n' >&2
      exit 2
      ;;
  esac
fi
