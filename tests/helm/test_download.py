"""The init container's script, as it is rendered, with a real curl and a server on the loopback."""

from __future__ import annotations

import hashlib
import http.server
import io
import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from rendering import helm, of_kind, render


def _archive() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        member = tarfile.TarInfo("release-7/lines/config.json")
        member.size = 2
        tar.addfile(member, io.BytesIO(b"{}"))
    return content.getvalue()


ARCHIVE = _archive()
DIGEST = hashlib.sha256(ARCHIVE).hexdigest()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        allowed = self.headers["Authorization"] == "Bearer secret"
        self.send_response(200 if allowed else 401)
        self.end_headers()
        self.wfile.write(ARCHIVE if allowed else b"no")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/lines.tgz"
        server.shutdown()


def _run(
    url: str, digest: str, folder: Path, header: str = "Authorization: Bearer secret"
) -> subprocess.CompletedProcess[str]:
    settings = (
        "model.source=download",
        f"model.download.url={url}",
        f"model.download.sha256={digest}",
        "model.download.stripComponents=1",
        "model.download.headersSecretName=login",
    )
    text = render(helm("3"), *(part for each in settings for part in ("--set", each)))
    container = of_kind(text, "Deployment")[0]["spec"]["template"]["spec"]["initContainers"][0]
    headers = folder / "headers"
    headers.write_text(header)
    environment = {each["name"]: each["value"] for each in container["env"]}
    environment |= {"HEADERS_FILE": str(headers), "PATH": os.environ["PATH"], "no_proxy": "127.0.0.1"}
    script = container["args"][0].replace("/models", str(folder / "models"))
    (folder / "models").mkdir(exist_ok=True)
    command = [*container["command"], script]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=60)


def test_unpacks_what_it_should(url: str, tmp_path: Path) -> None:
    # A container that was restarted finds what the one before it left.
    for _ in range(2):
        done = _run(url, DIGEST, tmp_path)
        assert done.returncode == 0, done.stderr
    assert [str(each.relative_to(tmp_path / "models")) for each in (tmp_path / "models").rglob("*")] == [
        "package",
        "package/lines",
        "package/lines/config.json",
    ]


def test_unpacks_nothing_else(url: str, tmp_path: Path) -> None:
    done = _run(url, "0" * 64, tmp_path)
    assert done.returncode == 1
    assert DIGEST in done.stderr
    assert not (tmp_path / "models" / "package").exists()


def test_says_when_it_is_not_let_in(url: str, tmp_path: Path) -> None:
    done = _run(url, DIGEST, tmp_path, "Authorization: Bearer wrong")
    assert done.returncode != 0
    assert "401" in done.stderr
    assert not (tmp_path / "models" / "package").exists()
