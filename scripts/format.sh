#!/usr/bin/env bash
# Rewrites the project's files in the project's format.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"
PATH="$BAYESPFL_TOOLS_VENV/bin:$PATH"
tracked() { git ls-files -z --cached --others --exclude-standard -- "$@"; }
tracked '*.cc' '*.h' | xargs -0 clang-format -i
tracked 'CMakeLists.txt' '*/CMakeLists.txt' '*.cmake' | xargs -0 gersemi --in-place --quiet
source scripts/go.sh
! find_go || gofmt -w client/go
tracked '*.py' | xargs -0 ruff format --quiet --line-length 120
tracked '*.py' | xargs -0 ruff check --quiet --fix
