"""Faults of each kind: the alert fires in a real Prometheus, reaches a real Alertmanager with its text, and clears.

All servers run at once, each with a fault of its own, and each test looks at one of them. The rules' durations are divided
by FASTER; the alerts that these tests do not raise have their cases in rules_test.yaml.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from monitoring import (
    MODEL,
    PICTURES,
    RULES,
    Alertmanager,
    Prometheus,
    Server,
    faster,
    mount_namespace,
    wait_for,
)

FASTER = 100
FIRES_WITHIN_S = 180
CLEARS_WITHIN_S = 180
GOOD = PICTURES / "leather/good_0.jpg"
# A batch that takes longer than InspectorReplicaHung allows (60 s), and a stop that takes longer than InspectorDrainStuck
# does (120 s), both in one server.
HANG_MILLISECONDS = 140_000


class Plant:
    """The servers, by name, and who watches them."""

    def __init__(self, folder: Path, stack: ExitStack, namespace: list[str]) -> None:
        self.folder = folder
        self.servers: dict[str, Server] = {}
        self._stack = stack
        self._told: dict[tuple[str, str], dict[str, str]] = {}
        self._over = threading.Event()
        self.alertmanager = stack.enter_context(Alertmanager(folder / "alertmanager", namespace))
        self.prometheus: Prometheus

    def add(self, name: str, **settings: Any) -> Server:
        server = Server(self.folder / name, wait=False, compute_threads=1, **settings)
        self.servers[name] = self._stack.enter_context(server)
        return server

    def watch(self) -> None:
        for server in self.servers.values():
            server.wait_until_ready()
        self.prometheus = self._stack.enter_context(
            Prometheus(
                self.folder / "prometheus",
                [server.target for server in self.servers.values()],
                faster(RULES.read_text(), FASTER),
                alertmanager=self.alertmanager.port,
            )
        )
        listener = threading.Thread(target=self._listen)
        listener.start()
        self._stack.callback(listener.join)
        self._stack.callback(self._over.set)
        for server in self.servers.values():
            wait_for(f"{server.target} is watched", lambda s=server: self._up(s), 60)  # type: ignore[misc]

    def _up(self, server: Server) -> bool:
        return bool(self.prometheus.query(f'bayespfl_build_info{{instance="{server.target}"}}'))

    def firing(self, alert: str, server: Server) -> bool:
        return any(
            found["labels"]["alertname"] == alert
            and found["labels"].get("instance") == server.target
            and found["state"] == "firing"
            for found in self.prometheus.alerts()
        )

    def arrived(self, alert: str, server: Server) -> bool:
        return any(
            found["labels"]["alertname"] == alert and found["labels"].get("instance") == server.target
            for found in self.alertmanager.active()
        )

    def _listen(self) -> None:
        """Keeps what arrives: one fault may be over before its test looks."""
        while not self._over.wait(0.5):
            for found in self.alertmanager.active():
                whose = (found["labels"]["alertname"], found["labels"].get("instance", ""))
                self._told.setdefault(whose, found["annotations"])

    def fires(self, alert: str, name: str, again: Callable[[], Any] = lambda: None) -> None:
        """`again` keeps the fault up until the alert has arrived."""
        server = self.servers[name]

        def there() -> dict[str, str] | None:
            again()
            return self._told.get((alert, server.target))

        annotations = wait_for(f"{alert} of {name} fires and arrives", there, FIRES_WITHIN_S)
        assert annotations is not None
        assert annotations["summary"].count(server.target) == 1, annotations
        assert "{{" not in str(annotations) and "<error" not in str(annotations), (
            "a template that Prometheus cannot fill in"
        )
        assert annotations["runbook"] == f"docs/runbooks/{alert.removesuffix('Today')}.md"

    def clears(self, alert: str, name: str) -> None:
        server = self.servers[name]
        wait_for(
            f"{alert} of {name} clears",
            lambda: not self.firing(alert, server) and not self.arrived(alert, server),
            CLEARS_WITHIN_S,
        )


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


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    namespace = mount_namespace()
    if namespace is None:
        sentence = (
            "the kernel gives no mount namespace here, which Debian's Alertmanager needs when it is not installed"
        )
        if os.environ.get("REQUIRE_NAMESPACES") == "1":
            pytest.fail(sentence)
        pytest.skip(sentence)
    folder = tmp_path_factory.mktemp("alerts")
    tokens = folder / "tokens.yaml"
    tokens.write_text(json.dumps([{"name": "line-3", "role": "inspect", "sha256": hashlib.sha256(b"x").hexdigest()}]))
    tokens.chmod(0o400)
    crt, key = certificate(folder / "tls", 1)
    with ExitStack() as stack:
        plant = Plant(folder, stack, namespace)
        # Without a watchdog, whose answers would end the drain.
        hang = f"device_slow:1:{HANG_MILLISECONDS}"
        plant.add("hangs", inject_faults=hang, max_batch_seconds=0, drain_timeout_seconds=180)
        plant.add("decodes wrong", inject_faults="decode_error:2")
        plant.add("full disk", inject_faults="disk_full:2", result_log=str(folder / "results.jsonl"))
        plant.add("small device", inject_faults="device_memory:2")
        plant.add("slow", inject_faults="device_slow:1:1500", max_batch=1)
        plant.add("tokens", tokens_file=str(tokens))
        plant.add("tls", tls_certificate=crt, tls_key=key, security_reload_seconds=1)
        plant.add("gone")
        for name, faults in (("lost", "device_error:1"), ("bad package", None)):
            shutil.copytree(MODEL, folder / f"model of {name}")
            plant.add(name, model=str(folder / f"model of {name}"), inject_faults=faults)
        plant.watch()
        yield plant


@pytest.fixture(scope="module", autouse=True)
def hanging(plant: Plant) -> None:
    """Begins what takes longest, before all else: a batch that hangs, then a stop that waits for it."""
    server = plant.servers["hangs"]
    inspect = ["--category", "leather", "--timeout", "100"]
    client = subprocess.Popen(
        [server.client_program(), "inspect", "--server", f"127.0.0.1:{server.port}", *inspect, GOOD],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    plant._stack.callback(client.wait)
    plant._stack.callback(client.kill)
    busy = f'bayespfl_replica_busy_since_timestamp_seconds{{instance="{server.target}"}} > 0'
    wait_for("the replica is busy", lambda: plant.prometheus.query(busy), 60)
    server.signal(signal.SIGTERM)


def inspect(plant: Plant, name: str, *more: str | Path) -> Callable[[], Any]:
    return lambda: plant.servers[name].client("inspect", "--category", "leather", "--timeout", "20", *(more or (GOOD,)))


@pytest.mark.parametrize(
    ("alert", "name"),
    [
        ("InspectorErrors", "decodes wrong"),
        ("InspectorInjectsFaults", "decodes wrong"),
        ("InspectorResultLogGaps", "full disk"),
        ("InspectorOutOfMemory", "small device"),
    ],
)
def test_an_injected_fault_wakes_somebody(plant: Plant, alert: str, name: str) -> None:
    plant.fires(alert, name, again=inspect(plant, name))
    plant.clears(alert, name)  # once no frame comes


def test_waiting_frames_are_told(plant: Plant) -> None:
    plant.fires("InspectorQueueWait", "slow", again=inspect(plant, "slow", "--stream", "--in-flight", "4", *[GOOD] * 6))
    plant.clears("InspectorQueueWait", "slow")


def test_calls_without_permission_are_told(plant: Plant) -> None:
    plant.fires("InspectorRefusesCalls", "tokens", again=inspect(plant, "tokens"))
    plant.clears("InspectorRefusesCalls", "tokens")


def test_an_old_certificate_is_told_until_it_is_renewed(plant: Plant) -> None:
    plant.fires("InspectorCertificateExpiresToday", "tls")
    certificate(plant.folder / "tls", 90)
    plant.clears("InspectorCertificateExpiresToday", "tls")


def test_a_package_that_cannot_be_loaded_is_told_until_it_can(plant: Plant) -> None:
    server = plant.servers["bad package"]
    package = plant.folder / "model of bad package"
    whole = (package / "config.json").read_text()
    (package / "config.json").write_text(whole[:-20])
    server.signal(signal.SIGHUP)
    plant.fires("InspectorModelLoadFailed", "bad package")

    (package / "config.json").write_text(whole)
    server.signal(signal.SIGHUP)
    plant.clears("InspectorModelLoadFailed", "bad package")


def test_a_lost_replica_is_told_until_there_is_a_new_one(plant: Plant) -> None:
    package, away = plant.folder / "model of lost", plant.folder / "away"
    package.rename(away)
    plant.fires("InspectorReplicaLost", "lost", again=inspect(plant, "lost"))

    away.rename(package)
    plant.servers["lost"].signal(signal.SIGHUP)
    plant.clears("InspectorReplicaLost", "lost")


def test_a_server_that_is_gone_is_told_until_it_is_back(plant: Plant) -> None:
    gone = plant.servers["gone"]
    gone.signal(signal.SIGSTOP)  # its port is open, and nobody answers
    plant.fires("InspectorDown", "gone")
    gone.signal(signal.SIGCONT)
    plant.clears("InspectorDown", "gone")


def test_a_hanging_batch_and_the_stop_that_waits_for_it_are_told(plant: Plant) -> None:
    plant.fires("InspectorReplicaHung", "hangs")
    plant.fires("InspectorDrainStuck", "hangs")
    plant.clears("InspectorDrainStuck", "hangs")
    plant.clears("InspectorReplicaHung", "hangs")
