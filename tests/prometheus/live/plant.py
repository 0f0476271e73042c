"""A plant in small: servers with a fault each, who watches them, and what was told of whom.

Each server is a job of its own, so that what the rules compute over a job is that server's alone.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitoring import (
    MODEL,
    ROOT,
    RULES,
    Alertmanager,
    Process,
    Prometheus,
    Server,
    calibrate,
    faster,
    wait_for,
)
from sentences import SENTENCES

FIRES_WITHIN_S = 180
CLEARS_WITHIN_S = 180

Labels = dict[str, str]


@dataclass(frozen=True)
class Pace:
    """How fast time goes by: the rules' durations are divided by `factor`. Their shortest range, 5 minutes, must hold at
    least three scrapes, `interval` apart."""

    factor: int
    interval: str


MINUTES = Pace(100, "1s")
STARTS = Pace(50, "1s")  # half an hour is 36 s, in which a busy machine can start a server three times
DAYS = Pace(400, "250ms")  # a day is 216 s, and two hours, in which 100 parts must come, 18 s


class Plant:
    """The servers, by name, and who watches them: a Prometheus for each pace, and one Alertmanager."""

    def __init__(self, folder: Path, stack: ExitStack, namespace: list[str]) -> None:
        self.folder = folder
        self.servers: dict[str, Server] = {}
        self.fired: set[str] = set()
        self.cleared: set[str] = set()
        self._stack = stack
        self._paces: dict[str, Pace] = {}
        self._watchers: dict[Pace, Prometheus] = {}
        self._told: dict[tuple[str, str], tuple[Labels, Labels]] = {}
        self._over = threading.Event()
        self.model = quick_model(folder)
        self._alertmanager = stack.enter_context(Alertmanager(folder / "alertmanager", namespace))

    def add(self, name: str, *, pace: Pace = MINUTES, **settings: Any) -> Server:
        settings = {"model": str(self.model)} | settings
        server = Server(self.folder / name, wait=False, compute_threads=1, **settings)
        self.servers[name] = self._stack.enter_context(server)
        self._paces[name] = pace
        return server

    def watch(self) -> None:
        for server in self.servers.values():
            server.wait_until_ready()
        for pace in (MINUTES, STARTS, DAYS):
            names = [name for name in self.servers if self._paces[name] == pace]
            prometheus = Prometheus(
                self.folder / f"prometheus {pace.factor}",
                [self.servers[name].target for name in names],
                faster(RULES.read_text(), pace.factor),
                alertmanager=self._alertmanager.port,
                interval=pace.interval,
                jobs=names,
            )
            self._watchers[pace] = self._stack.enter_context(prometheus)
        listener = threading.Thread(target=self._listen)
        listener.start()
        self._stack.callback(listener.join)
        self._stack.callback(self._over.set)
        for name in self.servers:
            wait_for(f"{name} is watched", lambda n=name: self.value(n, "bayespfl_build_info{job='JOB'}"), 60)  # type: ignore[misc]

    def value(self, name: str, expression: str) -> float:
        """Of the one series, as the Prometheus has it that watches the server; 0: there is none, or it is not a number. JOB
        in `expression` stands for the server's job."""
        samples = self._watchers[self._paces[name]].query(expression.replace("JOB", name))
        value = float(samples[0]["value"][1]) if samples else 0.0
        return 0.0 if math.isnan(value) else value

    def numbers(self, name: str, expression: str) -> list[float]:
        """Of all series of an expression that has the rules' real durations, in which the server's job is not named."""
        pace = self._paces[name]
        samples = self._watchers[pace].query(faster(expression, pace.factor))
        values = [float(sample["value"][1]) for sample in samples if sample["metric"].get("job", name) == name]
        return [value for value in values if math.isfinite(value)]

    def load(self, name: str, *options: str | Path, seconds: int) -> Process:
        """Cameras for the server, which end with the plant at the latest."""
        return self._stack.enter_context(self.servers[name].load(*options, seconds=seconds))

    def process(self, *command: str | Path) -> Process:
        """Another program, which ends with the plant at the latest."""
        return self._stack.enter_context(Process(self.folder / "processes.log", *command))

    def fires(self, alert: str, name: str, again: Callable[[], Any] = lambda: None) -> None:
        """`again` keeps the fault up until the alert has arrived."""

        def there() -> tuple[Labels, Labels] | None:
            again()
            return self._told.get((alert, name))

        told = wait_for(f"{alert} of {name} fires and arrives", there, FIRES_WITHIN_S)
        assert told is not None
        self._check_texts(alert, name, *told)
        self.fired.add(alert)

    def clears(self, alert: str, name: str) -> None:
        wait_for(
            f"{alert} of {name} clears",
            lambda: not self._firing(alert, name) and not self._arrived(alert, name),
            CLEARS_WITHIN_S,
        )
        self.cleared.add(alert)

    def _check_texts(self, alert: str, name: str, labels: Labels, annotations: Labels) -> None:
        print(f"{alert} ({labels['severity']}): {annotations['summary']} | {annotations['description']}")
        target = self.servers[name].target
        assert labels.get("instance", target) == target, "another server's"
        sentence = SENTENCES[alert].replace("IT", re.escape(target if "instance" in labels else name))
        assert re.fullmatch(sentence, annotations["summary"]), f"{annotations['summary']!r} is not {sentence!r}"
        texts = str(annotations)
        assert "{{" not in texts and "<error" not in texts, "a template that Prometheus cannot fill in"
        page = annotations["runbook"]
        assert f"{alert}`" in (ROOT / page).read_text() or page == f"docs/runbooks/{alert}.md", (
            "somebody else's runbook"
        )

    def _firing(self, alert: str, name: str) -> bool:
        found = self._watchers[self._paces[name]].alerts()
        return any(_is(each["labels"], alert, name) and each["state"] == "firing" for each in found)

    def _arrived(self, alert: str, name: str) -> bool:
        return any(_is(each["labels"], alert, name) for each in self._alertmanager.active())

    def _listen(self) -> None:
        """Keeps what arrives: one fault may be over before its test looks."""
        while not self._over.wait(0.5):
            for found in self._alertmanager.active():
                labels = found["labels"]
                self._told.setdefault((labels["alertname"], labels["job"]), (labels, found["annotations"]))


def _is(labels: Labels, alert: str, name: str) -> bool:
    return labels["alertname"] == alert and labels["job"] == name


def quick_model(folder: Path) -> Path:
    """The embedded model for pictures of half the size, which takes a fifth of the time; lines of its own, on the score."""
    model = folder / "quick model"
    shutil.copytree(MODEL, model)
    config = json.loads((model / "config.json").read_text())
    config["input"]["image_size"] //= 2
    (model / "config.json").write_text(json.dumps(config))
    (model / "calibration.json").unlink()  # of the model as it was
    for category in ("leather", "wood"):
        calibrate(model, category, "--samples", "1")
    return model


def certificate(folder: Path, days: int) -> tuple[str, str]:
    """Certificate and key, self-signed; replaced by renaming."""
    new = folder / f"{days}"
    new.mkdir(parents=True)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", str(days)]
        + ["-keyout", new / "tls.key", "-out", new / "tls.crt"],
        check=True,
        capture_output=True,
    )
    for name in ("tls.key", "tls.crt"):
        (new / name).rename(folder / name)
    return str(folder / "tls.crt"), str(folder / "tls.key")
