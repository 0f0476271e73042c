"""Docker as the tests need it: the command line, and containers that are removed whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

REPOSITORY = Path(__file__).resolve().parents[2]
PICTURES = REPOSITORY / "assets" / "demo" / "images"
HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")


def run(
    *command: str | Path,
    limit_s: float = 120,
    check: bool = True,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
        cwd=folder,
        env=os.environ | (environment or {}),
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done


def docker(*arguments: str | Path, limit_s: float = 120, check: bool = True) -> str:
    return run("docker", *arguments, limit_s=limit_s, check=check).stdout.strip()


def inspect(name: str) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(docker("inspect", name))[0]
    return described


def inside(image: str, script: str, *options: str) -> str:
    """What a shell prints in a container of the image, as root and without a network."""
    return docker(
        "run",
        "--rm",
        "--network=none",
        "--user=0",
        *options,
        "--entrypoint=bash",
        image,
        "-euo",
        "pipefail",
        "-c",
        script,
    )


def client(tools: str, *arguments: str, check: bool = True, limit_s: float = 120) -> subprocess.CompletedProcess[str]:
    """`bayespfl-client` from outside the server's container, with the demo pictures in its working folder."""
    return run(
        *(
            "docker",
            "run",
            "--rm",
            "--network=host",
            *HARDENED,
            f"--volume={PICTURES}:/work:ro",
            tools,
            "bayespfl-client",
        ),
        *arguments,
        check=check,
        limit_s=limit_s,
    )


def devices_of(page: str) -> dict[str, str]:
    """The rows of what `bayespfl-model devices` prints."""
    return {line[:14].strip(): line[14:] for line in page.splitlines()}


class Server:
    """A container of the server, with its ports published on this machine; healthy when `with` begins."""

    def __init__(self, image: str, *options: str, arguments: tuple[str, ...] = ()) -> None:
        self.id = docker(
            *(
                "run",
                "--detach",
                *HARDENED,
                "--publish=127.0.0.1::50051",
                "--publish=127.0.0.1::9090",
                *options,
                image,
                *arguments,
            )
        )

    def __enter__(self) -> Self:
        deadline = time.monotonic() + 240
        while (state := inspect(self.id)["State"])["Health"]["Status"] != "healthy":
            if state["Status"] != "running" or time.monotonic() > deadline:
                log = self.log()
                self.__exit__(None, None, None)
                raise AssertionError(f"the server is {state}: {log}")
            time.sleep(0.2)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        docker("rm", "--force", "--volumes", self.id)

    def address(self, port: int = 50051) -> str:
        binding = inspect(self.id)["NetworkSettings"]["Ports"][f"{port}/tcp"][0]
        return f"{binding['HostIp']}:{binding['HostPort']}"

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.address(9090)}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def log(self) -> str:
        done = run("docker", "logs", self.id)
        return done.stdout + done.stderr

    def run(self, *command: str) -> str:
        return docker("exec", self.id, *command)
