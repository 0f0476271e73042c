"""A reader at a shell: commands one by one, and a server in another window."""

from __future__ import annotations

import os
import re
import select
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

SERVER = "bayespfl-server"
COMMAND_LIMIT_S = 120.0
STOP_LIMIT_S = 40.0


@dataclass(frozen=True)
class Finished:
    """`exit_code` is the last one that was not 0. A server that goes on has 0, and what it has printed so far."""

    command: str
    exit_code: int
    output: str
    errors: str
    seconds: float

    def __str__(self) -> str:
        said = "\n".join(text.rstrip()[-4000:] for text in (self.output, self.errors) if text.strip())
        return f"$ {self.command}\n{said}\n[exit code {self.exit_code}, {self.seconds:.1f} s]"


def starts_server(command: str) -> bool:
    """Whether the command is the server's program and nothing else; it may still be one that ends by itself."""
    try:
        words = shlex.split(command, comments=True)
    except ValueError:
        return False
    return bool(words) and Path(words[0]).name == SERVER


class Terminal:
    """One shell for all commands, so that they share variables. `folder` is where they run, `notes` gets their output.

    A server that a command starts runs beside the shell until the next one is started, or until `stop_server`.
    """

    def __init__(self, folder: Path, notes: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._notes = notes
        self._environment = environment
        self._count = 0
        self._server: subprocess.Popen[bytes] | None = None
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        # Of `a; b`, too, the failure of a must be seen.
        self._tell("set -E -o pipefail; trap 'failed_with=$?' ERR")

    def run(self, command: str, limit_s: float = COMMAND_LIMIT_S) -> Finished:
        """Raises TimeoutError, and has ended the command, when it takes longer than it may."""
        self._count += 1
        begin = time.monotonic()
        output, errors = (self._notes / f"{self._count}.{kind}" for kind in ("out", "err"))
        if starts_server(command):
            code = self._start_server(command, output, errors, begin + limit_s)
        else:
            code = self._run(command, output, errors, begin + limit_s)
        seconds = time.monotonic() - begin
        return Finished(command, code, output.read_text(errors="replace"), errors.read_text(errors="replace"), seconds)

    def stop_server(self) -> int | None:
        """As Ctrl-C does, and the exit code; None where no server is running."""
        if self._server is None:
            return None
        server, self._server = self._server, None
        server.send_signal(signal.SIGINT)
        try:
            return server.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            server.kill()
            return server.wait()

    def _run(self, command: str, output: Path, errors: Path, end: float) -> int:
        script = self._notes / f"{self._count}.sh"
        script.write_text(f"{command}\n")
        files = (shlex.quote(str(file)) for file in (script, output, errors))
        self._tell('failed_with=0; . {} >{} 2>{} </dev/null; echo "$failed_with"'.format(*files))
        assert self._shell.stdout is not None
        if not select.select([self._shell.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
            os.killpg(self._shell.pid, signal.SIGKILL)
            raise TimeoutError(f"it has not ended:\n$ {command}\n{output.read_text()}{errors.read_text()}")
        answer = self._shell.stdout.readline()
        # Nothing comes from a shell that the command has ended, by `exit` or a wrong expansion.
        return int(answer) if answer else self._shell.wait() or -1

    def _start_server(self, command: str, output: Path, errors: Path, end: float) -> int:
        if self.stop_server() not in (None, 0):
            raise RuntimeError("the server before this one has not ended well")
        with output.open("wb") as out, errors.open("wb") as err:
            server = subprocess.Popen(
                # Jobs that a shell runs in the background ignore the signal that stops it, and so do all that they start.
                ["env", "--default-signal=INT", "bash", "-c", f"exec {command}"],
                cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            )  # fmt: skip
        while server.poll() is None:
            if re.search(rf"^{SERVER}: ready", output.read_text(), re.MULTILINE):
                self._server = server
                return 0
            if time.monotonic() > end:
                server.kill()
                server.wait()
                raise TimeoutError(f"the server is not ready:\n$ {command}\n{output.read_text()}{errors.read_text()}")
            time.sleep(0.02)
        return server.returncode

    def _tell(self, line: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(f"{line}\n".encode())
        self._shell.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()
        assert self._shell.stdin is not None
        self._shell.stdin.close()
        try:
            self._shell.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._shell.pid, signal.SIGKILL)
            self._shell.wait()
