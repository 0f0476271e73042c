#!/usr/bin/env bash
# The Helm chart (helm/bayespfl-inspector): its checks, and the files that are made from others.
#
#   chart.sh check [PYTEST ARGUMENT...]   lint, goldens, schema, README's table, Pod Security (tests/helm)
#   chart.sh update                       README's table, the schema's texts and the goldens anew
#   chart.sh package FOLDER               the chart as an archive
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/helm.sh"
cd "$repo_root"

[[ -f $BAYESPFL_TOOLS_VENV/.complete ]] || {
  printf 'chart: %s is not there; make setup creates it.\n' "$BAYESPFL_TOOLS_VENV" >&2
  exit 1
}
# Not in make setup: whoever tries the programs need not wait for it.
setup_helm 3
BAYESPFL_HELM_3=$(find_helm 3)
# What a newer Helm makes of the chart is looked at where that Helm is at hand.
BAYESPFL_HELM_4=$(find_helm 4 2>/dev/null || true)
export BAYESPFL_HELM_3 BAYESPFL_HELM_4
export PYTHONDONTWRITEBYTECODE=1
python=$BAYESPFL_TOOLS_VENV/bin/python

case "${1:-}" in
  check)
    for folder in tests/helm tests/cluster; do
      # The client's rules: strict, but for generated code.
      MYPYPATH=client/python/src "$python" -m mypy --config-file client/python/pyproject.toml --no-error-summary \
        --cache-dir "$BAYESPFL_CACHE/mypy-helm" "$folder"
    done
    exec "$python" -m pytest -q -p no:cacheprovider "${@:2}" tests/helm
    ;;
  update) exec "$python" tests/helm/update.py ;;
  package) exec "$BAYESPFL_HELM_3" package helm/bayespfl-inspector --destination "${2:?chart.sh package: a folder}" ;;
  *)
    printf 'chart.sh: expected check, update or package\n' >&2
    exit 2
    ;;
esac
