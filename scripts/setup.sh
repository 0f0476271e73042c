#!/usr/bin/env bash
# Installs what building and testing need: Debian packages (as root or through sudo) and three private virtual
# environments, with LibTorch, with the pinned tools and with what the tests import. Says and does nothing where all is
# there.
#
# GPU=1 adds LibTorch's libraries for NVIDIA's GPUs, which is what happens too where such a GPU is visible; GPU=0 does not.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

say() { printf 'setup: %s\n' "$*"; }
die() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

command -v apt-get >/dev/null || die "this needs Debian 12 (apt-get is missing); see docs/quickstart.md for other systems."

# make_venv FOLDER LIST [PIP OPTION...]: a virtual environment with what scripts/requirements-LIST.txt names.
make_venv() {
  local folder=$1 list=scripts/requirements-$2.txt
  shift 2
  rm -rf "$folder"
  mkdir -p "$(dirname "$folder")"
  # The system's interpreter: one of a version manager may vanish under the environment.
  /usr/bin/python3 -m venv "$folder" || die "python3 -m venv failed in $folder."
  "$folder/bin/pip" install -q --disable-pip-version-check "$@" -r "$repo_root/$list" ||
    die "pip could not install what $list names; is the package index reachable?"
  touch "$folder/.complete"
}

missing=()
while read -r package; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done <"$repo_root/scripts/debian-packages.txt"

if ((${#missing[@]})); then
  as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "these packages are missing and neither root nor sudo is at hand: ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  "${as_root[@]}" apt-get update -qq >"$log" 2>&1 || die "apt-get update failed: $(tail -n 1 "$log")"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    >"$log" 2>&1 || die "apt-get install failed: $(grep -m1 '^E:' "$log" || tail -n 1 "$log")"
fi

# At once: they mostly wait for the network, and for pip, which unpacks with one processor.
making=()
set -m # each in a process group of its own, so that Ctrl-C reaches all of it
stop_making() {
  local group
  for group in "${making[@]}"; do kill -INT -- "-$group" 2>/dev/null || true; done
  exit 130
}
trap stop_making INT TERM
if [[ ! -f "$BAYESPFL_VENV/.complete" ]]; then
  say "creating $BAYESPFL_VENV (LibTorch: 530 MB to fetch, 1.3 GB on disk)"
  make_venv "$BAYESPFL_VENV" libtorch --no-deps &
  making+=("$!")
fi
if [[ ! -f "$BAYESPFL_TOOLS_VENV/.complete" ]]; then
  say "creating $BAYESPFL_TOOLS_VENV for the formatters and linters"
  make_venv "$BAYESPFL_TOOLS_VENV" tools &
  making+=("$!")
fi
if [[ ! -f "$BAYESPFL_TEST_VENV/.complete" ]]; then
  say "creating $BAYESPFL_TEST_VENV for the tests"
  make_venv "$BAYESPFL_TEST_VENV" tests &
  making+=("$!")
fi
set +m
"$repo_root/scripts/go.sh" setup
made=0
for environment in "${making[@]}"; do wait "$environment" || made=1; done
((made == 0)) || exit 1
trap - INT TERM

# Few and small, and nothing but the recording of a GPU's batches wants them.
headers_list=$repo_root/scripts/requirements-cuda-headers.txt
headers_complete=$BAYESPFL_VENV/.complete-headers-$(sha256sum <"$headers_list" | cut -c1-12)
if [[ ! -f $headers_complete ]]; then
  if "$BAYESPFL_VENV/bin/pip" install -q --disable-pip-version-check --no-deps -r "$headers_list"; then
    touch "$headers_complete"
  else
    say "without what ${headers_list#"$repo_root/"} names no batches will be recorded on a GPU; all else is built."
  fi
fi

gpu_wanted() {
  case ${GPU:-} in
    1) return 0 ;;
    0) return 1 ;;
    '') compgen -G '/dev/nvidia[0-9]*' >/dev/null || [[ -e /dev/dxg ]] ;;
    *) die "GPU=$GPU: expected 1 or 0." ;;
  esac
}
gpu_list=$repo_root/scripts/requirements-libtorch-gpu.txt
gpu_complete=$BAYESPFL_VENV/.complete-gpu-$(sha256sum <"$gpu_list" | cut -c1-12)
if gpu_wanted && [[ ! -f $gpu_complete ]]; then
  say "adding NVIDIA's libraries to $BAYESPFL_VENV (2 GB to fetch, 2.8 GB on disk)"
  "$BAYESPFL_VENV/bin/pip" install -q --disable-pip-version-check --no-deps -r "$gpu_list" ||
    die "pip could not install what ${gpu_list#"$repo_root/"} names; is the package index reachable?"
  touch "$gpu_complete"
fi
