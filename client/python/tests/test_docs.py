"""Every block of Python in docs/python.md and the README runs, against a real server."""

from __future__ import annotations

import hashlib
import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

import bayespfl
from bayespfl.testing import RunningServer, start_server

pytestmark = pytest.mark.server
PAGES = [ROOT / "docs/python.md", ROOT / "client/python/README.md", ROOT / "README.md"]


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with "ca.pem", its "key.pem", and "token"."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    folder = tmp_path_factory.mktemp("secrets")
    make_certificate(folder / "ca.pem", folder / "key.pem")
    (folder / "token").write_text("bpfl_0123\n")
    return folder


def make_certificate(certificate: Path, key: Path) -> None:
    """Of this machine, signed by itself."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    subprocess.run([*command, "-addext", names, "-keyout", key, "-out", certificate], check=True, capture_output=True)


@pytest.fixture(scope="module")
def secured_server(secrets: Path) -> Iterator[RunningServer]:
    """With TLS and tokens."""
    tokens = secrets / "tokens.yaml"
    tokens.write_text(f"- {{name: line, role: inspect, sha256: {hashlib.sha256(b'bpfl_0123').hexdigest()}}}\n")
    flags = ["--tls-certificate", str(secrets / "ca.pem"), "--tls-key", str(secrets / "key.pem")]
    with start_server([*flags, "--tokens-file", str(tokens)]) as server:
        yield server


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_runs(
    page: Path,
    bayespfl_server: RunningServer,
    secured_server: RunningServer,
    secrets: Path,
    bayespfl_inspector: bayespfl.Inspector,
    tmp_path: Path,
    scratch: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "overlay()" in page.read_text():
        pytest.importorskip("PIL", reason="this page draws overlays; Pillow is not in this environment")
    found = blocks(page)
    if page != ROOT / "README.md":  # which may show another client
        assert found
    shutil.copy(scratch, tmp_path / "part.png")
    for name in ("ca.pem", "token"):
        shutil.copy(secrets / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "page"}
    for block in found:
        code = block.replace("127.0.0.1:50051", bayespfl_server.target)
        code = code.replace("gpu.plant.example:50051", secured_server.target)
        exec(compile(code, f"{page.name}: {block.splitlines()[0]}", "exec"), names)
    for name, value in names.items():
        if name.startswith("test_"):
            fixtures = {"bayespfl_inspector": bayespfl_inspector}
            value(**{parameter: fixtures[parameter] for parameter in inspect.signature(value).parameters})
    if isinstance(names.get("inspector"), bayespfl.Inspector):
        names["inspector"].close()


def test_another_machines_certificate_is_refused(secured_server: RunningServer, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    make_certificate(other, tmp_path / "other.key")

    with (
        bayespfl.Inspector(secured_server.target, tls=other, connect_timeout=1) as inspector,
        pytest.raises(bayespfl.UnreachableError),
    ):
        inspector.server_info()


def run_example(name: str, *arguments: str, **environment: str) -> str:
    command = [sys.executable, str(ROOT / "client/python/examples" / name), *arguments]
    finished = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=os.environ | environment
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_folder_watcher(bayespfl_server: RunningServer, tmp_path: Path, scratch: Path, good: Path) -> None:
    for picture in (scratch, good):
        shutil.copy(picture, tmp_path)
    (tmp_path / "broken.png").write_bytes(b"no picture")

    run_example(
        "folder_watcher.py", str(tmp_path), "--category", "leather", "--server", bayespfl_server.target,
        "--stop-after", "3", "--interval", "0.05",
    )  # fmt: skip

    assert sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.*")) == [
        "fail/scratch_0.jpg",
        "failed/broken.png",
        "pass/good_0.jpg",
    ]


def test_the_video(bayespfl_server: RunningServer, tmp_path: Path, scratch: Path) -> None:
    cv2 = pytest.importorskip("cv2", reason="the video needs OpenCV; it is not in this environment")
    video = str(tmp_path / "line.avi")
    picture = cv2.imread(str(scratch))
    writer = cv2.VideoWriter(video, cv2.VideoWriter_fourcc(*"MJPG"), 10, picture.shape[1::-1])
    for _ in range(4):
        writer.write(picture)
    writer.release()

    output = run_example("video.py", video, "--category", "leather", "--server", bayespfl_server.target)

    assert [line.split()[1] for line in output.splitlines()] == ["FAIL"] * 4


def test_the_notebook(bayespfl_server: RunningServer) -> None:
    nbformat = pytest.importorskip("nbformat", reason="the notebook needs nbclient; it is not in this environment")
    nbclient = pytest.importorskip("nbclient", reason="the notebook needs nbclient; it is not in this environment")
    notebook = nbformat.read(ROOT / "client/python/examples/notebook.ipynb", as_version=4)
    os.environ["BAYESPFL_SERVER"] = bayespfl_server.target
    try:
        client = nbclient.NotebookClient(
            notebook, timeout=120, resources={"metadata": {"path": str(ROOT / "client/python/examples")}}
        )
        client.execute()
    finally:
        del os.environ["BAYESPFL_SERVER"]

    shown = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in data and "FAIL" in data["text/html"] for data in shown)
