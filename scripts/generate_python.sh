#!/usr/bin/env bash
# The Python client's messages and stubs, from proto/bayespfl. With the oldest tools that its users may have (Debian 12's
# protoc 3.21 and grpc_python_plugin 1.51): newer libraries read what old tools wrote, and not the other way round.
#   generate_python.sh          writes them into client/python/src
#   generate_python.sh check    says whether those that are there are what it would write; changes nothing
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"

target=client/python/src
die() {
  printf 'generate_python: %s\n' "$*" >&2
  exit 1
}

plugin=$(command -v grpc_python_plugin) || die "grpc_python_plugin is missing (package protobuf-compiler-grpc)."
version=$(protoc --version)
[[ $version == "libprotoc 3.21."* ]] || die "protoc 3.21 is needed, so that old libraries read the code; this is $version."

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
mapfile -t protos < <(cd proto && find bayespfl -name '*.proto' | LC_ALL=C sort)
protoc --proto_path=proto --python_out="$fresh" --pyi_out="$fresh" --plugin="protoc-gen-grpc=$plugin" \
  --grpc_out="$fresh" "${protos[@]}"
# Of a file without a service the plugin leaves a module with nothing in it.
find "$fresh" -name '*_pb2_grpc.py' | while read -r stubs; do
  grep -q '^class ' "$stubs" || rm "$stubs"
done

generated() { (cd "$1" && find bayespfl -name '*_pb2*.py*' -not -path '*/__pycache__/*' | LC_ALL=C sort); }

if [[ ${1:-} == check ]]; then
  diff <(generated "$fresh") <(generated "$target") >&2 || die "client/python has other generated files; run scripts/generate_python.sh."
  while read -r file; do
    cmp -s "$fresh/$file" "$target/$file" || die "$target/$file is not what proto/ says; run scripts/generate_python.sh."
  done < <(generated "$fresh")
  exit 0
fi
generated "$target" | (cd "$target" && xargs -r rm)
generated "$fresh" | while read -r file; do install -D -m 644 "$fresh/$file" "$target/$file"; done
