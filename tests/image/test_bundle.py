"""The bundle, installed where there is no way out: in a network namespace that has nothing but its loopback.

What deploy/bundle/INSTALL.md says, step by step. Its commands are written here again, since the tests name other folders and
ports.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import PICTURES, REPOSITORY, docker, run

FOLDER = Path(os.environ.get("BAYESPFL_BUNDLE", REPOSITORY / "build" / "bundle"))
NAMESPACE = f"bayespfl-test-{os.getpid()}"
ALONE = ("nsenter", f"--net=/run/netns/{NAMESPACE}")


@pytest.fixture(scope="module")
def alone() -> Iterator[tuple[str, ...]]:
    """What to put in front of a command that is to have no network."""
    run("ip", "netns", "add", NAMESPACE)
    try:
        run(*ALONE, "ip", "link", "set", "lo", "up")
        assert run(*ALONE, "ip", "route", "show").stdout == ""
        yield ALONE
    finally:
        run("ip", "netns", "delete", NAMESPACE)


@pytest.fixture(scope="module")
def bundle(version: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = FOLDER / f"bayespfl-{version}-bundle.tar"
    assert archive.is_file(), f"`make bundle` first ({FOLDER})"
    folder = tmp_path_factory.mktemp("bundle")
    run("tar", "-C", folder, "-xf", archive)
    return folder / f"bayespfl-{version}"


def test_everything_arrived_whole(bundle: Path) -> None:
    assert run("bash", "-c", f"cd {bundle} && sha256sum --check --quiet SHA256SUMS").stdout == ""
    listed = {line.split("  ")[1] for line in (bundle / "SHA256SUMS").read_text(encoding="utf-8").splitlines()}
    there = {f"./{path.relative_to(bundle)}" for path in bundle.rglob("*") if path.is_file()}
    assert there - listed == {"./SHA256SUMS"}
    assert listed <= there


def test_has_all_that_the_page_names(bundle: Path, version: str) -> None:
    page = (bundle / "INSTALL.md").read_text(encoding="utf-8")
    assert f"bayespfl-inspector:{version}" in page
    assert "@" not in page
    assert list((bundle / "chart").glob("*.tgz"))
    assert len(list((bundle / "debs").glob("bayespfl-*.deb"))) == 4
    assert len(list((bundle / "debs").glob("*.deb"))) > 100


def test_images_load_and_serve(bundle: Path, alone: tuple[str, ...], version: str) -> None:
    # An engine of its own, below the namespace: it holds nothing but the base image.
    folder = Path(tempfile.mkdtemp(prefix="bpfl-", dir="/tmp"))
    engine = (*alone, str(REPOSITORY / "scripts" / "engine.sh"))
    try:
        run(*engine, "start", folder)
        script = f"""
        eval "$({REPOSITORY}/scripts/engine.sh env {folder})"
        docker load --quiet --input {bundle}/images.tar.gz
        docker run --detach --name inspector --read-only --cap-drop ALL --security-opt no-new-privileges --memory 2g \
          --stop-timeout 30 --publish 127.0.0.1:50051:50051 bayespfl-inspector:{version} >/dev/null
        for second in $(seq 60); do docker exec inspector bayespfl-client health && break; sleep 1; done
        docker run --rm --network container:inspector --volume {PICTURES}:/work:ro bayespfl-inspector:{version}-tools \
          bayespfl-client inspect --category leather leather
        docker stop inspector >/dev/null
        docker inspect --format 'exit={{{{.State.ExitCode}}}}' inspector
        docker rm inspector >/dev/null
        """
        said = run(*alone, "bash", "-euo", "pipefail", "-c", script, limit_s=300).stdout
    finally:
        run(*engine, "stop", folder, check=False)
        shutil.rmtree(folder, ignore_errors=True)
    assert "3 frames, 0 failed, 1 PASS, 2 FAIL" in said
    assert said.endswith("exit=0\n")


def test_packages_install_on_a_minimal_debian(bundle: Path) -> None:
    said = docker(
        *("run", "--rm", "--network=none", f"--volume={bundle}/debs:/debs:ro", f"--volume={PICTURES}:/pictures:ro"),
        *("debian:bookworm-slim", "bash", "-euo", "pipefail", "-c"),
        "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq /debs/*.deb >/dev/null; "
        "bayespfl-server --config /etc/bayespfl/server.yaml --check-config; "
        "bayespfl-model inspect --model /opt/bayespfl/model --category leather /pictures/leather",
        limit_s=600,
    )
    assert said.count('"verdict":') == 3


def test_the_python_client_installs(bundle: Path, alone: tuple[str, ...], tmp_path: Path) -> None:
    run("/usr/bin/python3", "-m", "venv", tmp_path / "venv")
    pip = tmp_path / "venv" / "bin" / "pip"
    run(*alone, pip, "install", "-q", "--no-index", "--find-links", bundle / "wheels", "bayespfl-client", limit_s=300)
    said = run(*alone, tmp_path / "venv" / "bin" / "python", "-c", "import bayespfl; print(bayespfl.__version__)")
    assert said.stdout.strip() == run(REPOSITORY / "scripts" / "version.sh").stdout.strip()
