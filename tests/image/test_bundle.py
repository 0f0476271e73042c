"""The bundle, installed where there is no way out: in a network namespace that has nothing but its loopback.

The commands are those of deploy/bundle/INSTALL.md as the bundle has it, each block where its reader runs it.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import PICTURES, REPOSITORY, run
from machine import Machine

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


@pytest.fixture(scope="module")
def blocks(bundle: Path) -> list[str]:
    """Whole, container, line PC, Kubernetes, Python client."""
    page = (bundle / "INSTALL.md").read_text(encoding="utf-8")
    found = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(found) == page.count("\n```sh\n") == 5
    return found


def follow(block: str, folder: Path, *before: str | Path, limit_s: float = 300, **environment: str) -> str:
    """What the block prints, run in the folder as a reader would."""
    return run(
        *before, "bash", "-euo", "pipefail", "-c", block, limit_s=limit_s, folder=folder, environment=environment
    ).stdout


def test_everything_arrived_whole(bundle: Path, blocks: list[str]) -> None:
    assert follow(blocks[0], bundle) == ""
    listed = {line.split("  ")[1] for line in (bundle / "SHA256SUMS").read_text(encoding="utf-8").splitlines()}
    there = {f"./{path.relative_to(bundle)}" for path in bundle.rglob("*") if path.is_file()}
    assert there - listed == {"./SHA256SUMS"}
    assert listed <= there


def test_has_all_that_the_page_names(bundle: Path, version: str) -> None:
    page = (bundle / "INSTALL.md").read_text(encoding="utf-8")
    assert f"bayespfl-inspector:{version}" in page
    assert "@" not in page
    assert (bundle / "docs" / "security.md").is_file()
    assert len(list((bundle / "debs").glob("bayespfl-*.deb"))) == 4
    assert len(list((bundle / "debs").glob("*.deb"))) > 100


def test_images_load_and_serve(bundle: Path, blocks: list[str], alone: tuple[str, ...], version: str) -> None:
    # An engine of its own, below the namespace: it holds nothing but the base image.
    folder = Path(tempfile.mkdtemp(prefix="bpfl-", dir="/tmp"))
    script = str(REPOSITORY / "scripts" / "engine.sh")
    try:
        run(*alone, script, "start", folder)
        here = f'eval "$({script} env {folder})"\n'
        follow(here + blocks[1], bundle, *alone)
        said = follow(
            f"""{here}
            docker run --rm --network container:inspector --volume {PICTURES}:/work:ro \
              bayespfl-inspector:{version}-tools bayespfl-client inspect --category leather leather
            docker stop inspector >/dev/null
            docker inspect --format 'exit={{{{.State.ExitCode}}}}' inspector
            for image in bayespfl-inspector:{version} bayespfl-inspector:{version}-tools; do
              docker inspect --format 'of={{{{index .Config.Labels "org.opencontainers.image.revision"}}}}' $image
            done
            docker rm inspector >/dev/null
            """,
            bundle,
            *alone,
        )
        assert "3 frames, 0 failed, 1 PASS, 2 FAIL" in said
        assert "exit=0\n" in said
        commit = run("git", "rev-parse", "HEAD", folder=REPOSITORY).stdout.strip()
        assert re.findall(r"^of=([0-9a-f]*)", said, re.MULTILINE) == [commit, commit]

        # What the page has the reader type on a Kubernetes node, with this engine's containerd for the node's.
        page = (bundle / "INSTALL.md").read_text(encoding="utf-8")
        (loading,) = re.findall(r"`(gunzip [^`]*)`", page)
        socket = folder / "exec" / "containerd" / "containerd.sock"
        follow(here + loading, bundle, *alone, CONTAINERD_ADDRESS=str(socket))
        listed = follow(here + "ctr -n k8s.io images list -q", bundle, *alone, CONTAINERD_ADDRESS=str(socket))
        assert set(listed.split()) >= {
            f"docker.io/library/bayespfl-inspector:{version}{kind}" for kind in ("", "-tools")
        }
    finally:
        run(*alone, script, "stop", folder, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def test_packages_install_and_serve_on_a_minimal_debian(bundle: Path, blocks: list[str]) -> None:
    with Machine("--network=none", f"--volume={bundle}:/bundle:ro", f"--volume={PICTURES}:/pictures:ro") as machine:
        machine.open_where_the_engine_must()
        machine.run(f"cd /bundle\n{blocks[2]}", limit_s=600)
        assert machine.run("systemctl is-enabled bayespfl-server") == "enabled"
        machine.wait_for("bayespfl-client health --timeout 2")
        said = machine.run("bayespfl-client inspect --category leather /pictures/leather")
        assert "3 frames, 0 failed, 1 PASS, 2 FAIL" in said
        said = machine.run("bayespfl-model inspect --model /opt/bayespfl/model --category leather /pictures/leather")
        assert said.count('"verdict":') == 3


# With `template`, since there is no cluster here: make cluster-test installs the chart on one.
def test_the_chart_renders(bundle: Path, blocks: list[str], alone: tuple[str, ...], version: str) -> None:
    assert blocks[3].startswith("helm install ")
    command = blocks[3].replace("helm install ", f"{REPOSITORY}/scripts/helm.sh run template ")
    objects = follow(command, bundle, *alone)
    assert re.search(rf'^ +image: "?bayespfl-inspector:{re.escape(version)}"?$', objects, re.MULTILINE)


def test_the_python_client_installs(
    bundle: Path, blocks: list[str], alone: tuple[str, ...], tmp_path: Path, version: str
) -> None:
    (tmp_path / "wheels").symlink_to(bundle / "wheels")
    follow(blocks[4], tmp_path, *alone, PATH=f"/usr/bin:{os.environ['PATH']}")
    said = follow("inspection/bin/python -c 'import bayespfl; print(bayespfl.__version__)'", tmp_path, *alone)
    assert said.strip() == version
