#!/usr/bin/env bash
# Starts the server on the embedded model, sends it the demo pictures, shows the answers and a few metrics, and stops it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"

out=out/demo
mkdir -p "$out"
log=$out/server.log
ports=$out/server.out

build/bin/bayespfl-server --model assets/demo/model --port 0 --http-port 0 --drain-delay-seconds 0 >"$ports" 2>"$log" &
server=$!
stop() {
  if kill -0 "$server" 2>/dev/null; then
    kill -TERM "$server"
    wait "$server" || true
  fi
}
trap stop EXIT

address() { sed -n "s/^bayespfl-server: $1 listening on //p" "$ports"; }
printf 'demo: starting the server on the embedded model\n'
for ((i = 0; i < 600; i++)); do
  kill -0 "$server" 2>/dev/null || {
    cat "$log" >&2
    printf 'demo: the server stopped before it was ready; the reason stands above.\n' >&2
    exit 1
  }
  grep -q '^bayespfl-server: ready' "$ports" && break
  sleep 0.1
done
grep '^bayespfl-server: ready' "$ports" || {
  printf 'demo: the server was not ready within a minute; see %s.\n' "$log" >&2
  exit 1
}

build/bin/bayespfl-client inspect --server "$(address gRPC)" --stream --manifest assets/demo/images/manifest.csv \
  --output "$out"

printf '\ndemo: some of http://%s/metrics\n' "$(address HTTP)"
/usr/bin/python3 - "http://$(address HTTP)/metrics" <<'PY'
import sys
import urllib.request

wanted = ("bayespfl_requests_total", "bayespfl_frames_in_flight", "bayespfl_frames_total", "bayespfl_model_info",
          "bayespfl_stage_latency_seconds_sum", "bayespfl_stage_latency_seconds_count")
for line in urllib.request.urlopen(sys.argv[1], timeout=10).read().decode().splitlines():
    if line.startswith(wanted) and not ("_total{" in line and line.endswith(" 0")):
        print(" ", line)
PY

stop
trap - EXIT
printf '\ndemo: overlays and masks are in %s/\n' "$out"
