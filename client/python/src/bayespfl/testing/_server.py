"""A real server for tests, started on free ports of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BINARY_VARIABLE = "BAYESPFL_SERVER_BINARY"
MODEL_VARIABLE = "BAYESPFL_MODEL"
_PROGRAM = "bayespfl-server"
_PREFIX = "bayespfl-server: "

# Free ports, and an end without ceremony, unless the caller says otherwise.
_DEFAULTS = ("--port", "--http-port", "--drain-delay-seconds")

# Of the environment the server takes BAYESPFL_... as settings, and refuses to start with those that it does not know.
_NOT_SETTINGS = (
    BINARY_VARIABLE,
    "BAYESPFL_SERVER",
    "BAYESPFL_ADMIN",
    "BAYESPFL_TOKEN",
    "BAYESPFL_TOKEN_FILE",
    "BAYESPFL_TLS_CA",
)


class ServerNotFoundError(RuntimeError):
    """There is no server program here, or no model for it; the message says what to do."""


@dataclass(frozen=True)
class RunningServer:
    """A server that runs."""

    target: str  # "127.0.0.1:PORT", for Inspector()
    http: str  # "127.0.0.1:PORT" of metrics and probes
    admin: str | None  # "127.0.0.1:PORT", or None: it has no administration port
    process: subprocess.Popen[str]

    def stop(self, timeout: float = 60) -> int:
        """SIGTERM, and its exit code."""
        self.process.terminate()
        return self.process.wait(timeout)


def find_server() -> str:
    """The program that BAYESPFL_SERVER_BINARY names, else the one on the PATH; ServerNotFoundError."""
    named = os.environ.get(BINARY_VARIABLE)
    if named:
        if not os.access(named, os.X_OK) or Path(named).is_dir():
            raise ServerNotFoundError(f"{BINARY_VARIABLE} is {named}, which is no program")
        return named
    found = shutil.which(_PROGRAM)
    if found is None:
        raise ServerNotFoundError(f"no {_PROGRAM} on the PATH, and {BINARY_VARIABLE} names none")
    return found


def _wait_until_ready(process: subprocess.Popen[str], timeout: float) -> dict[str, str]:
    """Addresses by their names, once the server says that it is ready."""
    addresses: dict[str, str] = {}
    overdue = threading.Timer(timeout, process.kill)
    overdue.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            words = line.removeprefix(_PREFIX).strip()
            if words.startswith("ready"):
                return addresses
            name, found, address = words.partition(" listening on ")
            if found:
                addresses[name] = address
    finally:
        overdue.cancel()
    raise RuntimeError(f"the server stopped before it was ready, or was not within {timeout:g} s")


@contextmanager
def start_server(
    arguments: Sequence[str] = (), *, model: str | os.PathLike[str] | None = None, timeout: float = 180
) -> Iterator[RunningServer]:
    """Runs a server until the block ends. Its ports are free ones; it is ready when this returns.

    `arguments`: further flags of `bayespfl-server`. `model`: a package's folder; None: the one that BAYESPFL_MODEL names.
    ServerNotFoundError: no program, or no model; RuntimeError, with what the server said: it did not get ready.
    """
    program = find_server()
    folder = os.fspath(model) if model is not None else os.environ.get(MODEL_VARIABLE, "")
    if not folder:
        raise ServerNotFoundError(f"no model for the server: {MODEL_VARIABLE} must name a package's folder")
    command = [program, "--model", folder, *arguments]
    for flag in _DEFAULTS:
        if flag not in arguments:
            command += [flag, "0"]
    # With JSON it would say in the log, and not on standard output, where it listens.
    if "--log-format" not in arguments:
        command += ["--log-format", "text"]
    environment = {name: value for name, value in os.environ.items() if name not in (*_NOT_SETTINGS, MODEL_VARIABLE)}
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        try:
            try:
                addresses = _wait_until_ready(process, timeout)
            except RuntimeError as error:
                log.seek(0)
                raise RuntimeError(f"{error}; it said:\n{log.read()[-4000:]}") from None
            yield RunningServer(addresses["gRPC"], addresses["HTTP"], addresses.get("administration"), process)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
