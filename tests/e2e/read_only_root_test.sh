#!/usr/bin/env bash
# The server as a pod with runAsNonRoot and readOnlyRootFilesystem has it: uid 65534, no capabilities, no file system
# that can be written to, /tmp included. Needs user namespaces: exit 77 (skipped) where the kernel refuses them.
# usage: read_only_root_test.sh PROGRAMS_FOLDER ASSETS_FOLDER
set -euo pipefail
programs=$1
assets=$2

if [[ ${3:-} != inside ]]; then
  namespace=(unshare --user --map-root-user --mount) # where mount may be called; the server gets one within it
  "${namespace[@]}" true || exit 77
  exec "${namespace[@]}" "$0" "$programs" "$assets" inside
fi

fail() {
  echo "read_only_root_test: $1" >&2
  exit 1
}

while read -r target; do
  mount --options remount,bind,ro "$target" 2>/dev/null || true # pseudo file systems refuse; what counts is asked below
done < <(findmnt --raw --noheadings --types noproc --output TARGET) # unshare writes to /proc
for folder in "$programs" /tmp /var/tmp "$HOME"; do
  if touch "$folder/.written" 2>/dev/null; then
    rm --force "$folder/.written"
    fail "$folder can be written to"
  fi
done

coproc server {
  # shellcheck disable=SC2016 # expanded by the inner shell, which sees its own namespace
  exec unshare --user --map-user=65534 --map-group=65534 bash -c '
    grep -E "^(Uid|CapEff):" /proc/self/status
    exec setpriv --no-new-privs "$1/bayespfl-server" --model "$2/demo/model" --port 0 --http-port 0 \
      --max-batch 1 --log-level off' bash "$programs" "$assets"
}
# shellcheck disable=SC2154 # server_PID comes with coproc
pid=$server_PID
trap 'kill -KILL "$pid" 2>/dev/null || true' EXIT
uid=
capabilities=
address=
while read -r line <&"${server[0]}"; do
  case $line in
    Uid:*) uid=$(cut --fields 2 <<<"$line") ;;
    CapEff:*) capabilities=$(cut --fields 2 <<<"$line") ;;
    *"gRPC listening on "*) address=${line##* } ;;
    *": ready "*) break ;;
  esac
done
[[ $uid == 65534 ]] || fail "the server runs as uid $uid"
[[ $capabilities == 0000000000000000 ]] || fail "the server has the capabilities $capabilities"
[[ -n $address ]] || fail "the server did not start"

"$programs/bayespfl-client" inspect --server "$address" --category leather --json \
  "$assets/demo/images/leather/hole_0.jpg" | grep '"score":' || fail "no score"

kill -TERM "$pid"
wait "$pid" || fail "the server ended with $?"
