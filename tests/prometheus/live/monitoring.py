"""A real Prometheus and a real Alertmanager beside real servers, each a process on the loopback."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from ports import free_port

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "deploy/prometheus/rules.yaml"
DASHBOARDS = ROOT / "deploy/grafana"
MODEL = ROOT / "assets/demo/model"
PICTURES = ROOT / "assets/demo/images"
PROGRAMS = Path(os.environ.get("PROGRAMS_FOLDER", ROOT / "build/bin"))
START_LIMIT_S = 120
STOP_LIMIT_S = 60
JOB = "bayespfl"

_T = TypeVar("_T")


def wait_for(what: str, found: Callable[[], _T], limit_s: float) -> _T:
    """What `found` returns once it is true; its last word is in the error."""
    end = time.monotonic() + limit_s
    while True:
        result = found()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {limit_s:.0f} s; the last answer was {result!r}")
        time.sleep(0.25)


class Process:
    """A program that is ended with SIGTERM, and by force when that takes too long."""

    def __init__(self, log: Path, *command: str | Path, **more: str) -> None:
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith("BAYESPFL_")} | more
        self._command = command
        self.log = log
        self._start()

    def _start(self) -> None:
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(self._command, stdout=output, stderr=output, env=self._environment)

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def restart(self) -> None:
        """Ends it as the kernel does when there is no memory left, and starts it again."""
        self._process.kill()
        self._process.wait()
        self._start()

    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as reply:
        text: str = reply.read().decode()
    return text


def get_or_nothing(url: str) -> str:
    try:
        return get(url)
    except OSError:
        return ""


class Server(Process):
    """`bayespfl-server` on the embedded model. `environment`: what it has besides this process's own."""

    def __init__(
        self, folder: Path, *, wait: bool = True, environment: Mapping[str, str] | None = None, **settings: Any
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self.http_port = free_port(), free_port()
        values = {
            "port": self.port,
            "http_port": self.http_port,
            "model": str(MODEL),
            "drain_delay_seconds": 0,
            "log_level": "warning",
            "metric_categories": "leather,wood",
        } | settings
        configuration = folder / "server.yaml"
        configuration.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))
        command = (PROGRAMS / "bayespfl-server", "--config", configuration)
        super().__init__(folder / "server.log", *command, **(environment or {}))
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        def ready() -> bool:
            assert self.running(), self.log.read_text()[-3000:]
            return bool(get_or_nothing(f"http://127.0.0.1:{self.http_port}/readyz"))

        wait_for("the server is ready", ready, START_LIMIT_S)

    @staticmethod
    def client_program() -> Path:
        return PROGRAMS / "bayespfl-client"

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.http_port}"

    def client(self, *arguments: str | Path, token: str = "") -> subprocess.CompletedProcess[str]:
        """`bayespfl-client` with this server; a failure is the caller's to look at."""
        command, *rest = arguments
        return subprocess.run(
            [self.client_program(), command, "--server", f"127.0.0.1:{self.port}", *rest],
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | {"BAYESPFL_TOKEN": token},
        )

    def load(self, *options: str | Path, seconds: int) -> Process:
        """Cameras that send for `seconds`, or until the process is stopped. `options`: of `bayespfl-client bench`."""
        to = ("--server", f"127.0.0.1:{self.port}", "--seconds", str(seconds), "--warm-up", "0")
        return Process(self.log.with_name("load.log"), self.client_program(), "bench", *to, *options)


def made_up_device(folder: Path) -> dict[str, str]:
    """What a server's environment needs to see a device whose memory is full while the file `full` is there."""
    library = PROGRAMS.parent / "tests/made_up_nvml_full.so"
    assert library.is_file(), f"{library} is missing; build it first (make build)"
    folder.mkdir()
    (folder / "libnvidia-ml.so.1").symlink_to(library)
    return {"LD_LIBRARY_PATH": str(folder), "MADE_UP_NVML_FULL": str(folder / "full")}


def calibrate(package: Path, category: str, *options: str) -> None:
    """Draws lines on the score from a good picture. `options`: more of `bayespfl-model calibrate`."""
    rates = ("--fail-rate", "0.5", "--review-rate", "0.5")
    command = ("calibrate", "--model", str(package), "--category", category, *rates, *options)
    good = PICTURES / category / "good_0.jpg"
    subprocess.run([PROGRAMS / "bayespfl-model", *command, good], check=True, capture_output=True)


def calibrated_model(folder: Path) -> Path:
    """The embedded model with lines on the score: its own calibration has them on the map, and the panels show the score's."""
    model = folder / "model"
    shutil.copytree(MODEL, model)
    calibrate(model, "leather")
    return model


class Prometheus(Process):
    """Scrapes every `interval`; its rules are those of `rules`, with Alertmanager when there is one. `instances`: what the
    targets are called instead of their addresses. `jobs`: of the targets, where they are not all of JOB."""

    def __init__(
        self,
        folder: Path,
        targets: list[str],
        rules: str,
        *,
        alertmanager: int = 0,
        interval: str = "1s",
        instances: Sequence[str] = (),
        jobs: Sequence[str] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        (folder / "rules.yaml").write_text(rules)
        scraped: dict[str, list[dict[str, Any]]] = {}
        for target, instance, job in zip(targets, instances or targets, jobs or [JOB] * len(targets), strict=True):
            scraped.setdefault(job, []).append({"targets": [target], "labels": {"instance": instance}})
        configuration: dict[str, Any] = {
            "global": {"scrape_interval": interval, "evaluation_interval": interval},
            "rule_files": [str(folder / "rules.yaml")],
            "scrape_configs": [{"job_name": job, "static_configs": static} for job, static in scraped.items()],
        }
        if alertmanager:
            configuration["alerting"] = {
                "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]
            }
        (folder / "prometheus.yaml").write_text(json.dumps(configuration))
        super().__init__(
            folder / "prometheus.log",
            Path(os.environ["PROMETHEUS_FOLDER"], "prometheus"),
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        )
        wait_for("Prometheus is ready", lambda: get_or_nothing(f"http://127.0.0.1:{self.port}/-/ready"), START_LIMIT_S)

    def _ask(self, path: str, **parameters: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            return json.loads(get(url))["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector (or the one value of a scalar); raises AssertionError for an expression that is wrong."""
        data = self._ask("query", query=expression)
        return data["result"] if data["resultType"] != "scalar" else [{"metric": {}, "value": data["result"]}]

    def query_range(self, expression: str, start: float, end: float, step_s: float) -> list[dict[str, Any]]:
        """The series between two Unix times, each with its `values`."""
        found: list[dict[str, Any]] = self._ask(
            "query_range", query=expression, start=str(start), end=str(end), step=str(step_s)
        )["result"]
        return found

    def label_values(self, selector: str, label: str) -> list[str]:
        found: list[str] = self._ask(f"label/{label}/values", **{"match[]": selector})
        return found

    def alerts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("alerts")["alerts"]
        return found


def mount_namespace() -> list[str] | None:
    """The words before a command that give it mounts of its own; None: the kernel gives none here."""
    # The user namespace is for those who are not root; containers of root may lack it.
    for options in (["--map-root-user", "--user", "--mount"], ["--mount"]):
        command = ["unshare", *options]
        trial = [*command, "mount", "--bind", "/usr/share", "/usr/share"]
        if subprocess.run(trial, check=False, capture_output=True).returncode == 0:
            return command
    return None


class Alertmanager(Process):
    """Sends nothing to anybody; what arrived is asked for. `namespace`: of :func:`mount_namespace`.

    Debian's looks for its templates where its package would have put them; here that is a folder of the cache.
    """

    def __init__(self, folder: Path, namespace: list[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        programs = Path(os.environ["PROMETHEUS_FOLDER"])
        configuration = {"route": {"receiver": "nobody", "group_wait": "0s"}, "receivers": [{"name": "nobody"}]}
        (folder / "alertmanager.yaml").write_text(json.dumps(configuration))
        super().__init__(
            folder / "alertmanager.log",
            *namespace,
            *("sh", "-c", 'mount --bind "$1" /usr/share && shift && exec "$@"', "sh", programs.parent / "share"),
            programs / "prometheus-alertmanager",
            f"--config.file={folder / 'alertmanager.yaml'}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        )
        wait_for(
            "Alertmanager is ready", lambda: get_or_nothing(f"http://127.0.0.1:{self.port}/-/ready"), START_LIMIT_S
        )

    def active(self) -> list[dict[str, Any]]:
        """Alerts that have arrived and are not over."""
        alerts: list[dict[str, Any]] = json.loads(get(f"http://127.0.0.1:{self.port}/api/v2/alerts?active=true"))
        return alerts


def faster(rules: str, factor: int) -> str:
    """The rules with every duration (`for`, ranges, offsets) divided by `factor`: so that tests need not wait. Numbers of
    seconds in the expressions stay as they are."""
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400}

    def shorter(match: re.Match[str]) -> str:
        return f"{match[1]}{max(1, round(int(match[2]) * seconds[match[3]] / factor))}s"

    return re.sub(r"(\[|for: |offset )(\d+)([smhd])\b", shorter, rules)
