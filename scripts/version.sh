#!/usr/bin/env bash
# Prints the version, which stands in CMakeLists.txt alone. `version.sh check` compares what has to repeat it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=$(sed -n 's/^project(.* VERSION \([0-9.]*\) .*/\1/p' CMakeLists.txt)
[[ -n $version ]] || {
  printf 'version: CMakeLists.txt has no project(... VERSION ...).\n' >&2
  exit 1
}
if [[ ${1:-} != check ]]; then
  printf '%s\n' "$version"
  exit
fi
failed=0
# same FILE FOUND: files that other tools read, and that cannot ask CMake.
same() {
  [[ $2 == "$version" ]] && return
  printf 'version: %s says "%s", CMakeLists.txt %s.\n' "$1" "$2" "$version" >&2
  failed=1
}
same client/python/src/bayespfl/_version.py "$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' client/python/src/bayespfl/_version.py)"
same deploy/compose.yaml "$(sed -n 's/.*bayespfl-inspector:\([0-9.]*\)}$/\1/p' deploy/compose.yaml)"
same docs/docker.md "$(grep -o 'bayespfl-inspector:[0-9][0-9.]*[0-9]' docs/docker.md | cut -d: -f2 | sort -u)"
for chart in helm/*/Chart.yaml; do
  [[ ! -f $chart ]] || same "$chart" "$(sed -n 's/^appVersion: *"\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$chart")"
done
exit "$failed"
