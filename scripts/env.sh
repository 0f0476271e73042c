# shellcheck shell=bash
# Where the project keeps what it installs for itself; sourced by the other scripts and read by the Makefile.
# Everything lies outside the checkout, so that another clone finds it again.
BAYESPFL_CACHE="${BAYESPFL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bayespfl}"
repo_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
digest_of() { cat "$@" | sha256sum | cut -c1-12; }
requirements_digest=$(digest_of "$repo_root"/scripts/requirements-{libtorch,tools}.txt)
test_requirements_digest=$(digest_of "$repo_root"/scripts/requirements-tests.txt)
export BAYESPFL_CACHE
export BAYESPFL_VENV="${BAYESPFL_VENV:-$BAYESPFL_CACHE/venv-$requirements_digest}"
# What tests import changes more often than LibTorch; an environment of its own leaves the built objects valid.
export BAYESPFL_TEST_VENV="${BAYESPFL_TEST_VENV:-$BAYESPFL_CACHE/test-venv-$test_requirements_digest}"
# A precompiled header is only cached with these; paths below the checkout are hashed relative to it, so that a clone in
# another folder hits the same entries.
export CCACHE_DIR="${CCACHE_DIR:-$BAYESPFL_CACHE/ccache}"
export CCACHE_SLOPPINESS=pch_defines,time_macros
export CCACHE_NOHASHDIR=1
export CCACHE_BASEDIR="$repo_root"
export CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-8G}"
