"""Servers as their own processes: on a loopback address, on the embedded model, with what they logged."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from driver import REPOSITORY

MODEL = REPOSITORY / "assets" / "demo" / "model"
READY_LIMIT_S = 300
STOP_LIMIT_S = 60
DEFAULTS: dict[str, Any] = {
    "max_batch": 1,
    "compute_threads": 1,
    "decode_threads": 1,
    "render_threads": 1,
    "drain_delay_seconds": 0,
    "drain_timeout_seconds": 10,
    "min_ping_interval_seconds": 1,
    "log_level": "warning",
    "result_log_fsync": "never",
}


def program() -> Path:
    """The server's program: BAYESPFL_SERVER_PROGRAM, else the built one."""
    return Path(os.environ.get("BAYESPFL_SERVER_PROGRAM", REPOSITORY / "build" / "bin" / "bayespfl-server"))


class Server:
    """`bayespfl-server`, ready when the constructor returns. `folder` gets its logs; settings are those of its YAML."""

    def __init__(self, folder: Path, *, host: str = "127.0.0.1", port: int = 0, **settings: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.result_log = folder / "results.jsonl"
        self.log = folder / "server.log"
        values = DEFAULTS | settings | {"host": host, "port": port, "http_port": 0, "model": MODEL}
        values["result_log"] = self.result_log
        configuration = folder / "server.yaml"
        # JSON is YAML.
        configuration.write_text(json.dumps(values, default=str))
        environment = {key: value for key, value in os.environ.items() if not key.startswith("BAYESPFL_")}
        environment |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [program(), "--config", configuration], stdout=subprocess.PIPE, stderr=log, text=True, env=environment
            )
        self._addresses: dict[str, str] = {}
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        # A server that hangs at its start prints nothing: the timer ends the reading.
        timer = threading.Timer(READY_LIMIT_S, self._process.kill)
        timer.start()
        try:
            assert self._process.stdout is not None
            for line in self._process.stdout:
                if match := re.match(r"bayespfl-server: (.*) listening on (\S+)", line):
                    self._addresses[match[1]] = match[2]
                if line.startswith("bayespfl-server: ready"):
                    return
        finally:
            timer.cancel()
        code = self._process.wait()
        raise RuntimeError(f"the server ended before it was ready, exit code {code}:\n{self.log.read_text()[-3000:]}")

    @property
    def address(self) -> str:
        return self._addresses["gRPC"]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """As a machine that loses its power, but for the kernel's RST."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM, and the exit code. Raises when the stop takes longer than it may."""
        if self.running():
            self._process.terminate()
        try:
            return self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def results(self) -> list[dict[str, Any]]:
        """The lines of the result log, all of them once the server has stopped."""
        if not self.result_log.exists():
            return []
        # A server that was killed may have left half a line.
        return [json.loads(line) for line in self.result_log.read_text().split("\n")[:-1]]

    def wait_for_results(self, at_least: int, limit_s: float) -> list[dict[str, Any]]:
        """The result log when it has so many lines; raises when it has not within the limit."""
        end = time.monotonic() + limit_s
        while len(lines := self.results()) < at_least:
            assert time.monotonic() < end, f"{len(lines)} frames instead of {at_least} within {limit_s} s"
            time.sleep(0.02)
        return lines

    def url(self, path: str) -> str:
        """Of the HTTP port."""
        return f"http://{self._addresses['HTTP']}{path}"

    def metric(self, name: str) -> float:
        """The sum of the metric's series."""
        with urllib.request.urlopen(self.url("/metrics"), timeout=10) as reply:
            lines = reply.read().decode().splitlines()
        values = [float(line.rpartition(" ")[2]) for line in lines if re.match(rf"{re.escape(name)}[ {{]", line)]
        assert values, f"the server has no metric {name}"
        return sum(values)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.running():
            self.kill()
