#!/usr/bin/env bash
# A container engine of the tests' own: Debian's docker.io, unpacked and not installed, with everything it writes below
# one folder. It changes no firewall rule, no sysctl and no file of the host, and takes the base image from Debian's
# archive, so that no registry is asked.
#
#   scripts/engine.sh fetch         unpack the engine's packages and make the base image's file system (both are kept)
#   scripts/engine.sh start FOLDER  start dockerd below FOLDER (absolute, short: it holds a socket), import the base image
#   scripts/engine.sh stop FOLDER   stop it, by its process id, and remove FOLDER
#   scripts/engine.sh compose FOLDER  give its client the command `docker compose` (needs Go; two minutes, once)
#   scripts/engine.sh env FOLDER    print what a shell has to export to use it
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

base_image=debian:bookworm-slim
compose_version=2.40.3
packages=$repo_root/scripts/debian-packages-engine.txt
engine=$BAYESPFL_CACHE/engine-$(sha256sum <"$packages" | cut -c1-12)
base=$BAYESPFL_CACHE/debian-bookworm-base

say() { printf 'engine: %s\n' "$*"; }
die() {
  printf 'engine: %s\n' "$*" >&2
  exit 1
}

fetch_engine() {
  [[ ! -f $engine/.complete ]] || return 0
  say "unpacking Debian's container engine into $engine (66 MB to fetch, 300 MB on disk)"
  rm -rf "$engine"
  mkdir -p "$engine/debs"
  local names
  mapfile -t names <"$packages"
  # Root downloads as itself: apt's own user may not write here, and would only warn.
  (cd "$engine/debs" && apt-get download -qq -o APT::Sandbox::User=root "${names[@]}" >/dev/null) ||
    die "Debian's packages ${names[*]} could not be fetched; is the archive reachable, and did \`apt-get update\` run?"
  local deb
  for deb in "$engine"/debs/*.deb; do dpkg -x "$deb" "$engine"; done
  rm -rf "$engine/debs"
  # --iptables=false keeps dockerd from the host's rules. Those that answer names it still makes, in the network namespaces
  # of its containers.
  ln -s xtables-nft-multi "$engine/usr/sbin/iptables"
  ln -s xtables-nft-multi "$engine/usr/sbin/ip6tables"
  touch "$engine/.complete"
}

# What `docker pull debian:bookworm-slim` would bring, made from Debian's archive with the host's own list of it.
fetch_base() {
  [[ ! -f $base/.complete ]] || return 0
  say "making $base_image from Debian's archive (a minute or more)"
  rm -rf "$base"
  mkdir -p "$base"
  local sources=/etc/apt/sources.list.d/debian.sources uri log=$base/debootstrap.log
  [[ -f $sources ]] || die "$sources is missing: it says where Debian's archive is."
  uri=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p' "$sources" | head -n 1)
  DEBOOTSTRAP_DIR="$engine/usr/share/debootstrap" "$engine/usr/sbin/debootstrap" --variant=minbase bookworm \
    "$base/rootfs" "$uri" >"$log" 2>&1 || die "debootstrap failed: $(tail -n 1 "$log")"
  rm -f "$base/rootfs/etc/apt/sources.list"
  grep -v '^#' "$sources" >"$base/rootfs/etc/apt/sources.list.d/debian.sources"
  # As the registry's image: neither packages' archives nor documentation.
  rm -rf "$base"/rootfs/var/cache/apt/archives/*.deb "$base"/rootfs/var/lib/apt/lists/* \
    "$base"/rootfs/usr/share/{doc,man,info,locale}/* "$base"/rootfs/etc/{resolv.conf,hostname}
  tar -C "$base/rootfs" --numeric-owner -cf "$base/rootfs.tar" .
  rm -rf "$base/rootfs"
  touch "$base/.complete"
}

# Two runs may want to fetch, or to build, at the same time.
alone() {
  mkdir -p "$BAYESPFL_CACHE"
  exec 9>"$BAYESPFL_CACHE/engine.lock"
  flock 9
  "$@"
  exec 9>&-
}

fetch() {
  fetch_engine
  fetch_base
}

# The engine's programs find each other, and their libraries, by these.
environment() {
  printf 'export PATH=%q\n' "$engine/usr/sbin:$engine/usr/bin:$PATH"
  printf 'export LD_LIBRARY_PATH=%q XTABLES_LIBDIR=%q\n' "$engine/usr/lib/x86_64-linux-gnu" \
    "$engine/usr/lib/x86_64-linux-gnu/xtables"
  printf 'export DOCKER_HOST=%q DOCKER_BUILDKIT=1 DOCKER_CONFIG=%q\n' "unix://$1/sock" "$1/client"
}

# Names of interfaces have at most 15 characters.
bridge_of() { printf 'bpfl-%s\n' "$(sha256sum <<<"$1" | cut -c1-8)"; }

start() {
  local folder=$1
  ((EUID == 0)) || die "dockerd needs root."
  [[ $folder == /* && ${#folder} -le 80 ]] || die "$folder: an absolute path of at most 80 characters is needed."
  [[ ! -e $folder/sock ]] || die "an engine runs below $folder already."
  alone fetch
  mkdir -p "$folder/client"
  printf '{}\n' >"$folder/daemon.json" # not the host's own
  eval "$(environment "$folder")"
  # A bridge and numbers of its own, beside those of whatever other engine the host has.
  local bridge
  bridge=$(bridge_of "$folder")
  ip link show "$bridge" >/dev/null 2>&1 || ip link add "$bridge" type bridge
  ip address replace "${BAYESPFL_ENGINE_BRIDGE:-172.30.99.1/24}" dev "$bridge"
  ip link set "$bridge" up
  # dockerd and its containerd write to /etc, /opt and /run whatever they are told: below overlays of a mount namespace of
  # their own, which ends with them, together with every mount of their containers.
  local part
  for part in etc opt run; do mkdir -p "$folder/overlay/$part/upper" "$folder/overlay/$part/work"; done
  # shellcheck disable=SC2016  # the variables are the inner shell's
  setsid unshare --mount --propagation private bash -euc '
    folder=$1
    shift
    for part in etc opt run; do
      mount -t overlay overlay "/$part" \
        -o "lowerdir=/$part,upperdir=$folder/overlay/$part/upper,workdir=$folder/overlay/$part/work"
    done
    exec "$@"' - "$folder" \
    "$engine/usr/sbin/dockerd" --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" \
    -H "unix://$folder/sock" --config-file "$folder/daemon.json" --iptables=false --ip6tables=false --ip-forward=false \
    --ip-masq=false --bridge "$bridge" --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$bridge" \
    --default-address-pool "base=${BAYESPFL_ENGINE_POOL:-172.30.100.0/22},size=24" >"$folder/log" 2>&1 </dev/null &
  local dockerd=$!
  local i
  for ((i = 0; i < 300; i++)); do
    docker version >/dev/null 2>&1 && break
    kill -0 "$dockerd" 2>/dev/null || die "dockerd did not start: $(grep -v level=info "$folder/log" | tail -n 1)"
    sleep 0.1
  done
  docker import -c 'CMD ["bash"]' - "$base_image" <"$base/rootfs.tar" >/dev/null
  say "docker runs below $folder"
}

compose_plugin=$BAYESPFL_CACHE/docker-compose-$compose_version

# Debian's is version 1, which has no `up --wait`. The module is built as it is published: `go install` refuses modules with
# exclude directives.
build_compose() {
  [[ ! -x $compose_plugin ]] || return 0
  local module
  source "$repo_root/scripts/go.sh"
  find_go || die "docker compose is built from its Go module."
  say "building docker compose $compose_version"
  module=$(cd / && GOFLAGS="" go mod download -json "github.com/docker/compose/v2@v$compose_version" |
    sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  [[ -d $module ]] || die "the Go module of docker compose $compose_version could not be fetched."
  (cd "$module" && CGO_ENABLED=0 GOFLAGS=-trimpath nice go build -o "$compose_plugin" \
    -ldflags "-s -w -X github.com/docker/compose/v2/internal.Version=$compose_version" ./cmd) ||
    die "docker compose $compose_version could not be built; the reason stands above."
}

compose() {
  local folder=$1
  alone build_compose
  mkdir -p "$folder/client/cli-plugins"
  ln -sf "$compose_plugin" "$folder/client/cli-plugins/docker-compose"
}

stop() {
  local folder=$1 pid=
  [[ ! -f $folder/pid ]] || pid=$(<"$folder/pid")
  if [[ -n $pid ]] && kill -0 "$pid" 2>/dev/null; then
    kill -TERM "$pid"
    # It stops its containers first, and its containerd last.
    local i
    for ((i = 0; i < 600; i++)); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    ! kill -0 "$pid" 2>/dev/null || die "dockerd ($pid) did not stop within a minute."
  fi
  rm -rf "$folder"
  local bridge
  bridge=$(bridge_of "$folder")
  ! ip link show "$bridge" >/dev/null 2>&1 || ip link delete "$bridge"
  find /sys/fs/cgroup -depth -type d -path "*/$bridge*" -exec rmdir {} + 2>/dev/null || true
}

case ${1:-} in
  fetch) alone fetch ;;
  start) start "${2:?folder}" ;;
  stop) stop "${2:?folder}" ;;
  compose) compose "${2:?folder}" ;;
  env) environment "${2:?folder}" ;;
  *) die "expected fetch, start, compose, stop or env" ;;
esac
