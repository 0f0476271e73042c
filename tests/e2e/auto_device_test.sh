#!/usr/bin/env bash
# What `device: auto` says where it takes the CPU, and what `bayespfl-model devices` says of the same machine: without a GPU,
# and where the operating system shows one (a file /dev/nvidia0) that cannot be used. Needs user namespaces: exit 77
# (skipped) where the kernel refuses them.
# usage: auto_device_test.sh PROGRAMS_FOLDER ASSETS_FOLDER
set -euo pipefail
programs=$1
assets=$2

if [[ ${3:-} != inside ]]; then
  namespace=(unshare --user --map-root-user --mount)
  "${namespace[@]}" true || exit 77
  exec "${namespace[@]}" "$0" "$programs" "$assets" inside
fi

fail() {
  echo "auto_device_test: $1" >&2
  exit 1
}

# A /dev of this test's own: a machine that has a GPU shows none here.
folder=$(mktemp -d)
mount -t tmpfs tmpfs "$folder"
trap 'umount --lazy --recursive "$folder" && rmdir "$folder"' EXIT
mkdir "$folder/dev"
for device in null zero random urandom; do
  touch "$folder/dev/$device"
  mount --bind "/dev/$device" "$folder/dev/$device"
done
mount --rbind "$folder/dev" /dev

# What a server that takes `auto` logs until it is ready.
server_log() {
  local log=$folder/log
  coproc server {
    exec "$programs/bayespfl-server" --model "$assets/demo/model" --device auto --port 0 --http-port 0 --max-batch 1 \
      --drain-delay-seconds 0 2>"$log"
  }
  # shellcheck disable=SC2154 # server_PID comes with coproc
  local pid=$server_PID line
  while read -r line <&"${server[0]}"; do
    [[ $line != *": ready "* ]] || break
  done
  kill -TERM "$pid"
  wait "$pid" || fail "the server ended with an error: $(cat "$log")"
  cat "$log"
}

# expect KIND LOG PATTERN DEVICES: the log's line, with its level and reason, and the same reason from `devices`.
expect() {
  local line reason
  line=$(grep 'device auto took the CPU' <<<"$2") || fail "$1: the log does not say that auto took the CPU: $2"
  line=${line//\\/} # quotation marks are escaped in a log
  grep -qE "$3" <<<"$line" || fail "$1: $line"
  reason=$(sed -n 's/^auto takes *cpu: //p' <<<"$4")
  [[ -n $reason ]] || fail "$1: devices does not say why auto takes the CPU: $4"
  [[ $line == *"$reason"* ]] || fail "$1: the server says: $line; devices says: $reason"
}

code=0
devices=$("$programs/bayespfl-model" devices --require-gpu) || code=$?
[[ $code == 2 ]] || fail "devices --require-gpu ended with $code where there is no GPU"
grep -qE '^NVIDIA +none$' <<<"$devices" || fail "a device is visible: $devices"
expect "without a GPU" "$(server_log)" ' info device auto .*no GPU of NVIDIA is visible' "$devices"

touch /dev/nvidia0
code=0
devices=$("$programs/bayespfl-model" devices --require-gpu) || code=$?
[[ $code == 2 ]] || fail "devices --require-gpu ended with $code where the GPU cannot be used"
grep -qE '^NVIDIA +/dev/nvidia0$' <<<"$devices" || fail "the device is not seen: $devices"
# What is missing hangs on what is installed: libraries that are named, or a driver that answers.
expect "with a GPU that cannot be used" "$(server_log)" ' warning device auto .*(CUDA|GPU|driver)' "$devices"
missing=$(sed -n 's/^missing *//p' <<<"$devices")
if [[ -n $missing && $missing != none ]]; then
  [[ $devices == *"needs libraries that are not installed: $missing "* ]] || fail "the reason does not name $missing: $devices"
fi
