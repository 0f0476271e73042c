#!/usr/bin/env bash
# Installs the C++ client and builds client/cpp/examples against it with the commands of docs/cpp.md, as a stranger would,
# runs them against a real server, and checks that what the page shows is what they do.
#
#   test_cpp_consumer.sh BUILD_FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=$(cd "$1" && pwd)
work=$(mktemp -d)
server=
finish() {
  if [[ -n $server ]]; then kill "$server" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap finish EXIT
fail() {
  printf 'test_cpp_consumer: %s\n' "$1" >&2
  exit 1
}

# A folder that looks like the checkout, so that nothing is written into this one.
mkdir "$work/checkout"
ln -s "$build" "$work/checkout/build"
ln -s "$PWD/client" "$work/checkout/client"
commands=$(sed -n '/^```sh$/,/^```$/{/^```/!p}' docs/cpp.md)
[[ $commands == *'cmake --install'* ]] || fail "docs/cpp.md does not say how to install"
(cd "$work/checkout" && PREFIX=$work/prefix CMAKE_BUILD_TYPE=Release CMAKE_BUILD_PARALLEL_LEVEL=2 \
  bash -euc "$commands" >"$work/log" 2>&1) || fail "$(cat "$work/log")"
! grep -rlE 'grpc/health|inference|torch|google/rpc' "$work/prefix/include" ||
  fail "the installed headers hold what is not the client's"
examples=$work/checkout/out/examples

/usr/bin/python3 - <<'PYTHON' || exit
import pathlib, re, sys
code = "".join(path.read_text() for path in pathlib.Path("client/cpp/examples").glob("*.cc"))
blocks = re.findall(r"^```cpp\n(.*?)^```", pathlib.Path("docs/cpp.md").read_text(), re.M | re.S)
missing = [block for block in blocks if block not in code]
if missing or not blocks:
    sys.exit("test_cpp_consumer: docs/cpp.md shows what no example does:\n" + "\n".join(missing))
PYTHON

"$build/bin/bayespfl-server" --model assets/demo/model --port 0 --http-port 0 --drain-delay-seconds 0 \
  >"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 600); do
  if grep -q '^bayespfl-server: ready' "$work/server.log"; then break; fi
  kill -0 "$server" 2>/dev/null || fail "the server ended: $(cat "$work/server.log")"
  sleep 0.1
done
address=$(sed -n 's/^bayespfl-server: gRPC listening on //p' "$work/server.log")
[[ -n $address ]] || fail "the server did not start: $(cat "$work/server.log")"

picture=assets/demo/images/leather/scratch_0.jpg
"$examples/inspect_picture" "$address" leather "$picture" | tee "$work/out"
grep -qE '^VERDICT_FAIL, score 0\.[0-9]+ .*mask 448 x 448 with [1-9][0-9]* pixels$' "$work/out" ||
  fail "inspect_picture said something else"
"$examples/inspect_stream" "$address" leather "$picture" README.md "$picture" | tee "$work/out"
[[ $(grep -c "^$picture: VERDICT_FAIL" "$work/out") == 2 ]] || fail "inspect_stream said something else"
! "$examples/inspect_picture" "$address" leather README.md 2>"$work/out" ||
  fail "inspect_picture took a text for a picture"
grep -q 'INVALID_PICTURE, request [0-9a-f]' "$work/out" || fail "an error does not say why: $(cat "$work/out")"
