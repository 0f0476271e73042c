# shellcheck shell=bash
# Where the project keeps what it installs for itself; sourced by the other scripts and read by the Makefile.
# Everything lies outside the checkout, so that another clone finds it again.
BAYESPFL_CACHE="${BAYESPFL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bayespfl}"
repo_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# A virtual environment is named by its list: a change of the list makes a new one, and leaves those of other clones alone.
venv_of() { printf '%s/%s-%s\n' "$BAYESPFL_CACHE" "$1" "$(sha256sum <"$repo_root/scripts/requirements-$2.txt" | cut -c1-12)"; }
export BAYESPFL_CACHE
# LibTorch has one of its own, since its path is part of every compile that uses it.
BAYESPFL_VENV="${BAYESPFL_VENV:-$(venv_of venv libtorch)}"
BAYESPFL_TOOLS_VENV="${BAYESPFL_TOOLS_VENV:-$(venv_of tools-venv tools)}"
BAYESPFL_TEST_VENV="${BAYESPFL_TEST_VENV:-$(venv_of test-venv tests)}"
export BAYESPFL_VENV BAYESPFL_TOOLS_VENV BAYESPFL_TEST_VENV
# A precompiled header is only cached with these; paths below the checkout are hashed relative to it, so that a clone in
# another folder hits the same entries.
export CCACHE_DIR="${CCACHE_DIR:-$BAYESPFL_CACHE/ccache}"
export CCACHE_SLOPPINESS=pch_defines,time_macros
export CCACHE_NOHASHDIR=1
export CCACHE_BASEDIR="$repo_root"
export CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-8G}"
