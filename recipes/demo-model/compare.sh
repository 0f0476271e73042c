#!/usr/bin/env bash
# compare.py with the Python that has what it needs.
#
#   compare.sh --set FOLDER [NAME=]PACKAGE...
set -euo pipefail
# shellcheck source=scripts/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/env.sh"
exec "$BAYESPFL_TEST_VENV/bin/python" "$(dirname "${BASH_SOURCE[0]}")/compare.py" "$@"
