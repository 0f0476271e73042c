#!/usr/bin/env bash
# Installs the C++ client into an empty folder, builds client/cpp/examples against it as a stranger would, runs them
# against a real server, and checks that what docs/cpp.md shows is what they do.
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

cmake --install "$build" --component client --prefix "$work/prefix" >"$work/log" || fail "$(cat "$work/log")"
! grep -rlE 'grpc/health|inference|torch|google/rpc' "$work/prefix/include" ||
  fail "the installed headers hold what is not the client's"
cmake -S client/cpp/examples -B "$work/examples" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_BUILD_TYPE=Release \
  >"$work/log" 2>&1 || fail "$(cat "$work/log")"
cmake --build "$work/examples" --parallel 2 >"$work/log" 2>&1 || fail "$(cat "$work/log")"

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
"$work/examples/inspect_picture" "$address" leather "$picture" | tee "$work/out"
grep -qE '^VERDICT_FAIL, score 0\.[0-9]+ .*mask 448 x 448 with [1-9][0-9]* pixels$' "$work/out" ||
  fail "inspect_picture said something else"
"$work/examples/inspect_stream" "$address" leather "$picture" README.md "$picture" | tee "$work/out"
[[ $(grep -c "^$picture: VERDICT_FAIL" "$work/out") == 2 ]] || fail "inspect_stream said something else"
! "$work/examples/inspect_picture" "$address" leather README.md 2>"$work/out" ||
  fail "inspect_picture took a text for a picture"
grep -q 'INVALID_PICTURE, request [0-9a-f]' "$work/out" || fail "an error does not say why: $(cat "$work/out")"
