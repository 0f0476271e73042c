#!/usr/bin/env bash
# A real Kubernetes node for tests of the chart (tests/cluster): where its programs come from, and the tests' run.
#
#   cluster.sh fetch                    builds and unpacks what is missing: twenty minutes on two cores, once
#   cluster.sh test [PYTEST ARGUMENT…]  the tests; BAYESPFL_IMAGE_ARCHIVE (default: out/image-cpu.tar) is the server's image
#   cluster.sh shell                    the node alone, with a shell whose kubectl and helm talk to it
#
# Nothing is installed: Debian's packages are unpacked, and Kubernetes, etcd, CoreDNS and metrics-server are built through the
# Go module proxy, each into a folder of the cache that is named by what it is made from.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/helm.sh"
cd "$repo_root"

sources=tests/cluster/tools
tools=$repo_root/build/cluster # links to what lies in the cache
custom_resources=(
  github.com/prometheus-operator/prometheus-operator@v0.85.0:example/prometheus-operator-crd
  github.com/kedacore/keda/v2@v2.21.0:config/crd/bases
  sigs.k8s.io/gateway-api@v1.6.3:config/crd/standard
  github.com/cert-manager/cert-manager@v1.21.2:deploy/crds
)

say() { printf 'cluster: %s\n' "$*"; }
die() {
  printf 'cluster: %s\n' "$*" >&2
  exit 1
}

# provide NAME INPUT COMMAND...: runs COMMAND FOLDER once for each content of INPUT, and links what it made into the tools.
provide() {
  local name=$1 folder each
  folder=$BAYESPFL_CACHE/cluster-$name-$(sha256sum <<<"$2" | cut -c1-12)
  if [[ ! -f $folder/.complete ]]; then
    say "making $name"
    rm -rf "$folder"
    mkdir -p "$folder"
    "${@:3}" "$folder"
    touch "$folder/.complete"
  fi
  for each in "$folder"/*; do ln -sfn "$each" "$tools/${each##*/}"; done
}

unpack_debian() {
  local folder=$1 names deb
  mkdir "$folder/debs"
  mapfile -t names <scripts/debian-packages-cluster.txt
  # Root downloads as itself: apt's own user may not write here, and would only warn.
  (cd "$folder/debs" && apt-get download -qq -o APT::Sandbox::User=root "${names[@]}" >/dev/null) ||
    die "Debian's packages ${names[*]} could not be fetched; is the archive reachable, and did \`apt-get update\` run?"
  for deb in "$folder"/debs/*.deb; do dpkg -x "$deb" "$folder/debian"; done
  rm -rf "$folder/debs"
  for deb in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -sf xtables-nft-multi "$folder/debian/usr/sbin/$deb"
  done
}

build_pause() { gcc -static -Os -o "$1/pause" tests/cluster/pause.c; }

# build MODULE PACKAGE FOLDER, with the linker's flags in $linker_flags.
linker_flags=
build() {
  CGO_ENABLED=0 go -C "$sources/$1" build -trimpath -p "${BAYESPFL_JOBS:-1}" -ldflags "-s -w $linker_flags" -o "$3/$1" "$2"
}

build_kubernetes() {
  local folder=$1 version part base=k8s.io/component-base/version
  version=$(sed -n 's/^\tk8s.io\/kubernetes \(v.*\)$/\1/p' "$sources/kubernetes/go.mod")
  linker_flags="-X $base.gitVersion=$version -X $base.gitMajor=1 -X $base.gitMinor=$(cut -d. -f2 <<<"$version")" \
    build kubernetes . "$folder"
  for part in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl; do
    ln -s kubernetes "$folder/$part"
  done
}

copy_custom_resources() {
  local each module folder file name
  mkdir -p "$1/crds"
  for each in "${custom_resources[@]}"; do
    module=${each%%:*}
    folder=$(cd / && GOFLAGS='' go mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    [[ -d $folder/${each#*:} ]] || die "$module has no folder ${each#*:}."
    # Not every file there is a definition.
    grep -lrE '^kind: CustomResourceDefinition$' "$folder/${each#*:}" | while read -r file; do
      name=${module##*/}-${file##*/}
      install -m 644 "$file" "$1/crds/${name//[^a-z0-9.]/-}"
    done
  done
}

fetch() {
  find_go || die "Go builds the cluster's programs."
  mkdir -p "$tools" "$BAYESPFL_CACHE"
  # Two clones may want the same at once.
  exec 9>"$BAYESPFL_CACHE/cluster.lock"
  flock 9
  local module package
  provide debian "$(cat scripts/debian-packages-cluster.txt)" unpack_debian
  provide pause "$(cat tests/cluster/pause.c)" build_pause
  provide custom-resources "${custom_resources[*]}" copy_custom_resources
  provide kubernetes "$(cat "$sources"/kubernetes/*)" build_kubernetes
  for module in etcd coredns metrics-server; do
    package=.
    [[ $module != metrics-server ]] || package=sigs.k8s.io/metrics-server/cmd/metrics-server
    provide "$module" "$(cat "$sources/$module"/*)" build "$module" "$package"
  done
  exec 9>&-
}

# Everything that may be missing, each in a sentence.
check_machine() {
  ((EUID == 0)) || die "a node needs root: its containers are real."
  local program have
  for program in ip nsenter setpriv unshare gcc openssl; do
    command -v "$program" >/dev/null || die "$program is missing (Debian: iproute2, util-linux, gcc, openssl)."
  done
  [[ -d /sys/fs/cgroup/memory || -f /sys/fs/cgroup/cgroup.controllers ]] || die "control groups are not mounted at /sys/fs/cgroup."
  unshare --pid --fork --net --mount --mount-proc ip link add cluster0 type bridge 2>/dev/null ||
    die "namespaces and bridges are refused here: a container needs --privileged."
  have=$(df --output=avail --block-size=1G /var/tmp | tail -n 1)
  ((have >= 6)) || die "/var/tmp has $((have)) GB free; images and pods need 6."
  have=$(awk '/^MemAvailable:/ {print int($2 / 1024 / 1024)}' /proc/meminfo)
  ((have >= 5)) || die "$have GB of memory are free; the node and its pods need 5."
  image=${BAYESPFL_IMAGE_ARCHIVE:-$repo_root/out/image-cpu.tar}
  [[ -f $image ]] || die "$image is missing: the server's image as \`docker save\` writes it (scripts/image.sh save cpu FILE); BAYESPFL_IMAGE_ARCHIVE names another."
  for program in "$BAYESPFL_TOOLS_VENV" "$BAYESPFL_TEST_VENV"; do
    [[ -f $program/.complete ]] || die "$program is not there; make setup creates it."
  done
}

case ${1:-} in
  fetch)
    setup_helm 3
    fetch
    exit
    ;;
  test | shell) ;;
  *) die "expected fetch, test or shell" ;;
esac
check_machine
setup_helm 3
find_helm 3 >/dev/null
fetch
BAYESPFL_CLUSTER_TOOLS=$tools BAYESPFL_HELM_3=$(find_helm 3) BAYESPFL_IMAGE_ARCHIVE=$image PYTHONDONTWRITEBYTECODE=1
# What a newer Helm does with the chart is looked at where that Helm is at hand.
BAYESPFL_HELM_4=$(find_helm 4 2>/dev/null || true)
export BAYESPFL_CLUSTER_TOOLS BAYESPFL_HELM_3 BAYESPFL_HELM_4 BAYESPFL_IMAGE_ARCHIVE PYTHONDONTWRITEBYTECODE
# -ra: each skipped test says why.
[[ $1 == shell ]] || exec "$BAYESPFL_TOOLS_VENV/bin/python" -m pytest -p no:cacheprovider -ra --durations=10 "${@:2}" tests/cluster
exec "$BAYESPFL_TOOLS_VENV/bin/python" tests/cluster/node.py
