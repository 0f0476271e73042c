#!/usr/bin/env bash
# Checks formatting and style; changes nothing. clang-tidy runs on the C++ files that a change touches: those that differ
# from LINT_BASE (default: the upstream branch where it differs from HEAD, else the last commit) and uncommitted ones; for a
# header, on the source file of its name, which includes it.
# `lint.sh --all` runs it on every file: an hour on two cores.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"
PATH="$BAYESPFL_TOOLS_VENV/bin:$PATH"

failures=0
check() {
  local name=$1
  shift
  if "$@"; then
    printf 'lint: %s ok\n' "$name"
  else
    printf 'lint: %s FAILED\n' "$name" >&2
    failures=$((failures + 1))
  fi
}

tracked() { git ls-files --cached --others --exclude-standard -- "$@" | while read -r f; do [[ ! -f $f ]] || printf '%s\n' "$f"; done; }

mapfile -t cpp < <(tracked '*.cc' '*.h')
mapfile -t cmake_files < <(tracked 'CMakeLists.txt' '*/CMakeLists.txt' '*.cmake')
mapfile -t shell < <(tracked '*.sh' '.ci/run')
# Templates are YAML only when rendered; what they render to is as wide as it is.
mapfile -t yaml < <(tracked '*.yaml' '*.yml' ':!helm/*/templates/*' ':!*.golden.yaml')
mapfile -t dockerfiles < <(tracked 'Dockerfile' '*/Dockerfile')
mapfile -t python < <(tracked '*.py' | grep -v '_pb2\(_grpc\)\?\.py$')

check clang-format clang-format --dry-run --Werror "${cpp[@]}"
check gersemi gersemi --check --quiet "${cmake_files[@]}"
check buf buf lint
check contract scripts/contract.sh check
check shellcheck shellcheck -x "${shell[@]}"
check hadolint hadolint "${dockerfiles[@]}"
check version scripts/version.sh check
check yamllint yamllint --strict "${yaml[@]}"
check ruff ruff check --quiet "${python[@]}"
check "ruff format" ruff format --check --quiet --line-length 120 "${python[@]}"

# The Go client, where Go is at hand.
go_formatted() {
  local files
  files=$(gofmt -l client/go) && [[ -z $files ]] || {
    printf '%s\n' "$files" >&2
    return 1
  }
}
source scripts/go.sh
if find_go; then
  check gofmt go_formatted
  check "go vet" go -C client/go vet ./...
  check "go mod" go -C client/go mod tidy -diff
  check "generated go" scripts/generate_go.sh check
  ! command -v staticcheck >/dev/null || check staticcheck env -C client/go staticcheck ./...
fi
# The Python client: types, and generated code that is what the contract says.
python_types() { (cd client/python && mypy --no-error-summary); }
check "python client's types" python_types
docs_test_types() { (cd tests/docs && mypy --strict --python-version 3.11 --cache-dir ../../build/mypy --no-error-summary .); }
check "types of tests/docs" docs_test_types
traces_test_types() {
  # The messages are generated; their own check is below.
  MYPYPATH=tests/prometheus/live:tests/support mypy --strict --python-version 3.11 --ignore-missing-imports \
    --cache-dir build/mypy-traces --no-error-summary tests/traces
}
check "types of tests/traces" traces_test_types
perf_analyzer_test_types() {
  MYPYPATH=tests/prometheus/live:tests/support mypy --strict --python-version 3.11 \
    --cache-dir build/mypy-perf-analyzer --no-error-summary tests/perf_analyzer
}
check "types of tests/perf_analyzer" perf_analyzer_test_types
recipe_types() {
  MYPYPATH=recipes/demo-model mypy --strict --python-version 3.11 --cache-dir build/mypy-recipes --no-error-summary \
    recipes/demo-model/*.py tests/recipes
}
check "types of recipes" recipe_types
check "python client's generated code" scripts/generate_python.sh check
# The chart: lint, goldens, schema, README's table, Pod Security. It needs no cluster and takes half a minute.
check chart scripts/chart.sh check
# Alerts: Prometheus takes them, their cases hold, each has a runbook.
check "alert rules" scripts/prometheus.sh check

touched() {
  local base=${LINT_BASE:-}
  if [[ -z $base ]]; then
    base=$(git rev-parse --verify --quiet '@{upstream}' 2>/dev/null || true)
    [[ -n $base && $base != $(git rev-parse HEAD) ]] || base=$(git rev-parse --verify --quiet HEAD~1 || true)
  fi
  {
    [[ -z $base ]] || git diff --name-only --diff-filter=d "$base" -- '*.cc' '*.h'
    git ls-files --others --exclude-standard -- '*.cc' '*.h'
  } | sed 's/\.h$/.cc/' | while read -r f; do [[ ! -f $f ]] || printf '%s\n' "$f"; done
}

if [[ ${1:-} == --all ]]; then
  mapfile -t tidy < <(tracked '*.cc')
else
  mapfile -t tidy < <(touched | sort -u)
fi

# A tree of its own: clang cannot read g++'s precompiled header, and the generated messages must exist.
cmake -G Ninja -S . -B build/lint -DCMAKE_BUILD_TYPE=Release -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON \
  "-DBAYESPFL_VENV=$BAYESPFL_VENV" >build-lint.log 2>&1 || {
  cat build-lint.log >&2
  rm -f build-lint.log
  exit 1
}
rm -f build-lint.log
cmake --build build/lint --target bayespfl_proto_generated bayespfl_standard_protos_generated inspection_server_rpc_details_generated \
  --parallel 2 >/dev/null

# Which field belongs to which mutex stands in annotations that only clang reads. Everything else is for the other tools.
# What can break them has a mutex or an annotation itself, or includes a header that has one.
# It compiles, not only parses, because ccache keeps nothing else: a file that has not changed is not checked again.
thread_safety() {
  local object=build/lint/thread-safety/${1%.cc}.o libtorch=()
  # LibTorch's headers bring an old Protobuf's: whoever includes them includes no other one, and the rest must not see them.
  [[ $1 != model/* ]] || libtorch=(-isystem "$libtorch_headers" -isystem "$libtorch_headers/torch/csrc/api/include")
  mkdir -p "$(dirname "$object")"
  ccache clang++-16 -c -O0 -std=c++20 -Wno-everything -Wthread-safety -Werror=thread-safety '-DBAYESPFL_VERSION=""' \
    -DCPPHTTPLIB_OPENSSL_SUPPORT -I. -Iclient/cpp/include -isystem build/lint/proto/bayespfl_proto -isystem build/lint/proto/bayespfl_standard_protos -isystem build/lint/server/inspection_server_rpc_details -isystem /usr/include/opencv4 "${libtorch[@]}" -o "$object" "$1"
}
libtorch_headers=$(echo "$BAYESPFL_VENV"/lib/python3*/site-packages/torch/include)
export libtorch_headers
export -f thread_safety
with_mutexes() {
  local annotation='absl::Mutex|ABSL_[A-Z_]*(GUARDED_BY|LOCK)'
  git grep -lE "$annotation" -- 'base/*.cc' 'model/*.cc' 'server/*.cc' 'client/cpp/*.cc' || true
  git grep -hlE "$annotation" -- 'base/*.h' 'model/*.h' 'server/*.h' 'client/cpp/*.h' | sed 's|^client/cpp/include/||; s|.*|#include "&"|' |
    git grep -lF -f - -- 'base/*.cc' 'model/*.cc' 'server/*.cc' 'client/cpp/*.cc' ':!client/cpp/examples'
}
mapfile -t locked < <(with_mutexes | sort -u)
printf 'lint: thread-safety of %d files\n' "${#locked[@]}"
check thread-safety xargs -P 2 -I{} bash -euo pipefail -c 'thread_safety {}' < <(printf '%s\n' "${locked[@]}")

if ((${#tidy[@]})); then
  printf 'lint: clang-tidy on %d files\n' "${#tidy[@]}"
  check clang-tidy xargs -P 2 -n 1 clang-tidy -p build/lint --quiet --extra-arg=-Wno-unused-command-line-argument < <(printf '%s\n' "${tidy[@]}")
fi

((failures == 0)) || {
  printf 'lint: %d checks failed; `make format` mends formatting.\n' "$failures" >&2
  exit 1
}
