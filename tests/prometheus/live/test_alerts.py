"""Each alert by a real fault: it fires in a real Prometheus, reaches a real Alertmanager with its text, and clears.

All servers run at once, each with faults of its own, and each test looks at one of them. The rules' durations are divided
(plant.py), so that nobody waits for hours. The device whose memory fills up is made up (tests/server/made_up_nvml.cc), and the
server that reads it is not. The last test asks for every alert of rules.yaml.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from dashboards import FILES, asked, needs_yesterday, panels, read
from monitoring import (
    PICTURES,
    ROOT,
    RULES,
    Process,
    made_up_device,
    mount_namespace,
    wait_for,
)
from plant import DAYS, STARTS, Plant, certificate

LEATHER = PICTURES / "leather"
GOOD = LEATHER / "good_0.jpg"
BAD = (LEATHER / "hole_0.jpg", LEATHER / "scratch_0.jpg")
# A batch that takes longer than InspectorReplicaHung allows (60 s), and a stop that takes longer than InspectorDrainStuck
# does (120 s), both in one server.
HANG_MILLISECONDS = 140_000
# Loads end by themselves then, should nobody end them.
LONGEST_S = 600
STREAMS = 8
PLACES = 4
CONNECTIONS = 5
DESCRIPTORS = 100
YESTERDAY_S = 86400 // DAYS.factor


@dataclass(frozen=True)
class Loads:
    """What goes on from the beginning."""

    late: Process
    good_parts: Process


def add_servers(plant: Plant) -> None:
    folder = plant.folder
    tokens = folder / "tokens.yaml"
    tokens.write_text(json.dumps([{"name": "line-3", "role": "inspect", "sha256": hashlib.sha256(b"x").hexdigest()}]))
    tokens.chmod(0o400)
    crt, key = certificate(folder / "tls", 3)
    # Without its watchdog, which would answer the frames and so end the stop.
    hang = f"device_slow:1:{HANG_MILLISECONDS}"
    plant.add("hangs", inject_faults=hang, drain_timeout_seconds=180, max_batch_seconds=0)
    plant.add("decodes wrong", inject_faults="decode_error:2")
    plant.add("full disk", inject_faults="disk_full:2", result_log=str(folder / "results.jsonl"))
    device = made_up_device(folder / "device")
    plant.add("small device", inject_faults="device_memory:2", device="cpu", environment=device)
    plant.add("slow", inject_faults="device_slow:1:1500", max_batch=1)
    # In batches, so that there are answers enough for a ratio.
    plant.add("late", inject_faults="decode_error:2,device_slow:1:1100", max_batch=4)
    plant.add("crowded", inject_faults="device_slow:1:300", max_streams=STREAMS, max_frames_in_flight=PLACES)
    plant.add("tokens", tokens_file=str(tokens))
    plant.add("few doors", max_connections=CONNECTIONS)
    plant.add("tls", tls_certificate=crt, tls_key=key, security_reload_seconds=1)
    plant.add("gone", pace=STARTS)
    for name, faults in (("lost", "device_error:1"), ("bad package", None)):
        shutil.copytree(plant.model, folder / f"model of {name}")
        plant.add(name, model=str(folder / f"model of {name}"), inject_faults=faults)
    plant.add("line", pace=DAYS)


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
    with ExitStack() as stack:
        plant = Plant(tmp_path_factory.mktemp("alerts"), stack, namespace)
        add_servers(plant)
        plant.watch()
        yield plant


@pytest.fixture(scope="module", autouse=True)
def loads(plant: Plant) -> Loads:
    """Begins what takes longest, before all else: a batch that hangs, then a stop that waits for it; late answers; a line
    whose parts are good until yesterday has come."""
    server = plant.servers["hangs"]
    to = ("--server", f"127.0.0.1:{server.port}")
    plant.process(server.client_program(), "inspect", *to, "--category", "leather", "--timeout", "100", GOOD)
    busy = "bayespfl_replica_busy_since_timestamp_seconds{job='JOB'} > 0"
    wait_for("the replica is busy", lambda: plant.value("hangs", busy), 60)
    server.signal(signal.SIGTERM)
    leather = ("--category", "leather", "--in-flight", "16", "--rate")
    return Loads(
        late=plant.load("late", *leather, "5", "--cameras", "2", GOOD, seconds=LONGEST_S),
        good_parts=plant.load("line", *leather, "0.5", GOOD, seconds=LONGEST_S),
    )


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


def test_connections_that_find_no_place_are_told(plant: Plant) -> None:
    address = ("127.0.0.1", plant.servers["few doors"].port)

    def come_and_go() -> None:
        socket.create_connection(address).close()

    with ExitStack() as connections:
        for _ in range(CONNECTIONS):
            connections.enter_context(socket.create_connection(address))
        plant.fires("InspectorRefusesConnections", "few doors", again=come_and_go)
    plant.clears("InspectorRefusesConnections", "few doors")


def test_a_connection_that_is_broken_off_is_told(plant: Plant) -> None:
    server = plant.servers["few doors"]
    attack = [sys.executable, str(ROOT / "tests/bench/http2_attacks.py"), str(server.port), str(server.pid)]

    def reset_call_after_call() -> None:
        subprocess.run([*attack, "rapid_reset"], check=True, timeout=120)

    plant.fires("InspectorBreaksConnections", "few doors", again=reset_call_after_call)
    plant.clears("InspectorBreaksConnections", "few doors")


def test_an_old_certificate_is_told_until_it_is_renewed(plant: Plant) -> None:
    plant.fires("InspectorCertificateExpires", "tls")
    certificate(plant.folder / "tls", 1)
    plant.fires("InspectorCertificateExpiresToday", "tls")
    certificate(plant.folder / "tls", 90)
    plant.clears("InspectorCertificateExpiresToday", "tls")
    plant.clears("InspectorCertificateExpires", "tls")


def test_full_memory_of_a_device_is_told_until_there_is_room(plant: Plant) -> None:
    full = plant.folder / "device/full"
    full.touch()
    plant.fires("InspectorDeviceMemory", "small device")
    full.unlink()
    plant.clears("InspectorDeviceMemory", "small device")


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
    plant.fires("InspectorNotReady", "lost")

    away.rename(package)
    plant.servers["lost"].signal(signal.SIGHUP)
    plant.clears("InspectorReplicaLost", "lost")
    plant.clears("InspectorNotReady", "lost")


def test_a_server_that_is_gone_is_told_until_it_is_back(plant: Plant) -> None:
    gone = plant.servers["gone"]
    gone.signal(signal.SIGSTOP)  # its port is open, and nobody answers
    plant.fires("InspectorDown", "gone")
    gone.signal(signal.SIGCONT)
    plant.clears("InspectorDown", "gone")


def test_a_server_that_ends_again_and_again_is_told(plant: Plant) -> None:
    gone = plant.servers["gone"]

    def end() -> None:
        began = plant.value("gone", "process_start_time_seconds{job='JOB'}")
        gone.restart()
        new = f"process_start_time_seconds{{job='JOB'}} > {began}"
        wait_for("the new process is seen", lambda: plant.value("gone", new), 60)

    plant.fires("InspectorRestarts", "gone", again=end)
    plant.clears("InspectorRestarts", "gone")


def test_cameras_that_take_every_stream_are_told(plant: Plant) -> None:
    cameras = ("--cameras", str(STREAMS), "--rate", "0.2")
    load = plant.load("crowded", "--category", "leather", *cameras, GOOD, seconds=LONGEST_S)
    plant.fires("InspectorStreamsNearLimit", "crowded")
    load.stop()
    plant.clears("InspectorStreamsNearLimit", "crowded")


def test_a_full_server_is_told(plant: Plant) -> None:
    """By calls: frames of streams wait."""
    crowded = plant.servers["crowded"]
    to = ("--server", f"127.0.0.1:{crowded.port}", "--timeout", "60")
    command: list[str | Path] = [crowded.client_program(), "inspect", *to, "--category", "leather", *[GOOD] * 600]
    calls = [plant.process(*command) for _ in range(2 * PLACES)]
    plant.fires("InspectorSaturated", "crowded")
    for client in calls:
        client.stop()
    plant.clears("InspectorSaturated", "crowded")


def test_connections_that_take_the_descriptors_are_told(plant: Plant) -> None:
    crowded = plant.servers["crowded"]
    resource.prlimit(crowded.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    free = DESCRIPTORS - len(list(Path(f"/proc/{crowded.pid}/fd").iterdir()))
    with ExitStack() as connections:
        for _ in range(free - DESCRIPTORS // 20):
            connections.enter_context(socket.create_connection(("127.0.0.1", crowded.port)))
        plant.fires("InspectorFileDescriptors", "crowded")
    plant.clears("InspectorFileDescriptors", "crowded")


def test_answers_that_are_late_or_missing_burn_the_budgets(plant: Plant, loads: Loads) -> None:
    burning = [f"Inspector{what}Burns{pace}" for what in ("Availability", "Latency") for pace in ("Fast", "Slowly")]
    for alert in burning:
        plant.fires(alert, "late")
    loads.late.stop()
    for alert in burning:
        plant.clears(alert, "late")


def test_parts_without_a_verdict_are_told(plant: Plant) -> None:
    """The category is calibrated, and its frames come with another object."""
    pictures = [PICTURES / "wood/good_0.jpg"] * 20
    as_plank = ("--category", "wood", "--object", "plank")
    plant.fires(
        "InspectorUncalibrated",
        "line",
        again=lambda: plant.servers["line"].client("inspect", "--stream", *as_plank, *pictures),
    )
    plant.clears("InspectorUncalibrated", "line")


def test_a_hanging_batch_and_the_stop_that_waits_for_it_are_told(plant: Plant) -> None:
    plant.fires("InspectorReplicaHung", "hangs")
    plant.fires("InspectorDrainStuck", "hangs")
    plant.clears("InspectorDrainStuck", "hangs")
    plant.clears("InspectorReplicaHung", "hangs")


def test_a_line_whose_parts_are_not_those_of_yesterday_is_told(plant: Plant, loads: Loads) -> None:
    # Parts that were bad all day would be yesterday's too. 100 of them take a while, so they begin shortly before.
    before = f"bayespfl:score:median6h{{job='JOB',category='leather'}} offset {YESTERDAY_S - 15}s"
    wait_for("a day has gone by", lambda: plant.value("line", before), YESTERDAY_S + 60)
    loads.good_parts.stop()
    bad = plant.load("line", "--category", "leather", "--rate", "8", "--in-flight", "16", *BAD, seconds=LONGEST_S)
    told = ("InspectorFailRate", "InspectorScoresOverTheLine", "InspectorScoreDrift")
    for alert in told:
        plant.fires(alert, "line")
    bad.stop()
    for alert in told:
        plant.clears(alert, "line")


def test_panels_of_yesterday_have_data(plant: Plant) -> None:
    of_yesterday = [
        (path.stem, panel["title"], asked(target["expr"]).replace('job=~".*"', 'job="line"'))
        for path in FILES
        for panel in panels(read(path))
        for target in panel["targets"]
        if needs_yesterday(target["expr"])
    ]
    assert of_yesterday
    for dashboard, title, query in of_yesterday:
        wait_for(f"{dashboard}, {title}: {query}", lambda q=query: plant.numbers("line", q), YESTERDAY_S + 60)  # type: ignore[misc]


def test_every_alert_has_fired_and_cleared(plant: Plant) -> None:
    """An alert that no fault raises here may be one that cannot fire."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}

    assert plant.fired == alerts
    assert plant.cleared == alerts
