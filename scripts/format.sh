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
written() { tracked '*.py' | grep -zv '_pb2\(_grpc\)\?\.py$'; }
written | xargs -0 ruff format --quiet --line-length 120
written | xargs -0 ruff check --quiet --fix
