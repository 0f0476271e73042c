"""Every client through every fault of the network, unary and as a stream: each frame has exactly one outcome, in order and
in time.

All clients of one fault run at once, each behind a proxy of its own.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from certificates import Certificates, make_certificates
from driver import ALL_NAMES, NAMES, Driver, Job, Run, checked, run_all
from fault_matrix import MARK, SCENARIOS, Scenario
from fault_proxy import PASS, Fault, FaultProxy
from server_process import Server

MODES = ("unary", "stream")
HEALING_FRAMES = 5
HEALING_TIMEOUT_S = (
    32  # over two keepalives of the slowest client (10 s and 5 s for the answer), and over connect's 28 s
)
LOST_FRAMES, LOST_TIMEOUT_S = 2, 5
DAMAGED_FRAMES, DAMAGED_TIMEOUT_S = 1, 12  # time for two inspections, each of which is thrown away, on a busy machine
HANG_S = 5  # docs/clients.md: a hanging server is noticed so long after a frame's time
BUSY_S = 5  # that a busy machine may add
START_S = 60  # until a driver's process has made its first connection; no client's rule, but whoever hangs is ended
NEVER_AGAIN_S = 0.25  # a client that waits between attempts tries some ten times in five seconds, not hundreds
BROKEN = {2, 4, 13, 14}  # UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE
UNAVAILABLE = 14
AT_ONCE = 2  # scenarios: most of their time is waiting
Servers = dict[bool, Server]  # with TLS or without


@dataclass(frozen=True)
class Trial:
    """One driver's run through one fault."""

    ids: list[str]
    run: Run | AssertionError
    hits: int
    connections: int
    began: float | None  # when its first connection was, by time.monotonic(); None: there was none
    limit_s: float


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def servers(
    server_program: Path, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("faults")
    # Dead connections go soon, so that nothing of one fault is left in the next.
    settings = {"keepalive_time_seconds": 2, "keepalive_timeout_seconds": 10, "max_batch": 4}
    tls = {"tls_certificate": certificates.certificate, "tls_key": certificates.key}
    with Server(folder / "plain", **settings) as plain, Server(folder / "tls", **settings, **tls) as encrypted:
        yield {False: plain, True: encrypted}


def picture(side: int, folder: Path) -> dict[str, Any]:
    """Raw pixels of noise, so that a flipped byte is another picture and no damaged file; MARK stands in their midst."""
    pixels = bytearray(np.random.default_rng(3).integers(0, 256, side * side, dtype=np.uint8).tobytes())
    middle = len(pixels) // 2
    pixels[middle : middle + len(MARK)] = MARK
    path = folder / f"noise-{side}.bin"
    path.write_bytes(pixels)
    return {"path": str(path), "width": side, "height": side, "pixel_format": "Mono8"}


def faults_of(scenario: Scenario, raw: dict[str, Any], name: str) -> tuple[Fault, ...]:
    """The scenario's, with the markers that are known now."""
    if not scenario.marker:
        faults = scenario.faults
    else:
        if scenario.marker == "sha256":
            text = hashlib.sha256(Path(raw["path"]).read_bytes()).hexdigest()
            by = ("0" if text[0] != "0" else "1") + text[1:]
        else:
            text, by = name, "x" + name[1:]
        times = 1000 if scenario.for_ever else 1
        faults = tuple(replace(fault, marker=text.encode(), by=by.encode(), times=times) for fault in scenario.faults)
    if scenario.for_ever:
        faults = tuple(replace(fault, times=1000) if fault.kind == "replace" else fault for fault in faults)
    return faults


def lost(scenario: Scenario) -> tuple[int, float]:
    """Frames, and the time of each, where none can have a result."""
    return (DAMAGED_FRAMES, DAMAGED_TIMEOUT_S) if scenario.damages_a_message else (LOST_FRAMES, LOST_TIMEOUT_S)


def job_of(scenario: Scenario, mode: str, name: str, raw: dict[str, Any], ca: Path) -> tuple[Job, list[str]]:
    count, timeout_s = (HEALING_FRAMES, HEALING_TIMEOUT_S) if scenario.succeeds else lost(scenario)
    client = {
        "timeout_s": timeout_s,
        "connect_timeout_s": scenario.connect_timeout_s,
        "keepalive_s": 1,
    }
    if scenario.tls:
        client["tls_ca"] = str(ca)
    frame = {"raw": raw, "frame_id": name, "repeat": count, "category": "leather", "options": {"samples": 1}}
    return {"mode": mode, "client": client, "frames": [frame]}, [f"{name}-{number}" for number in range(count)]


def limit_of(scenario: Scenario, mode: str) -> float:
    """How long after its first connection the client's rules allow a driver to end."""
    if scenario.succeeds:
        return HEALING_TIMEOUT_S + HANG_S + BUSY_S
    frames, timeout_s = lost(scenario)
    return BUSY_S + (timeout_s * frames if mode == "unary" else timeout_s + HANG_S)


def names_of(scenario: Scenario) -> tuple[str, ...]:
    """Of the drivers that go through it."""
    return ALL_NAMES if scenario.asyncio else NAMES


def run_scenario(
    scenario: Scenario, present: list[Driver], servers: Servers, ca: Path, folder: Path
) -> dict[tuple[str, str], Trial]:
    own = folder / str(SCENARIOS.index(scenario))
    own.mkdir()
    raw = picture(scenario.side, own)
    tasks: list[tuple[Driver, Job]] = []
    made: dict[tuple[str, str], tuple[list[str], FaultProxy]] = {}
    with ExitStack() as stack:
        for mode in MODES:
            for driver in present:
                if driver.name not in names_of(scenario):
                    continue
                name = f"fault-{SCENARIOS.index(scenario)}-{mode}-{driver.name}"
                faults = faults_of(scenario, raw, name)
                then = faults[-1] if scenario.for_ever else PASS
                proxy = stack.enter_context(FaultProxy(servers[scenario.tls].port, faults, then))
                job, ids = job_of(scenario, mode, name, raw, ca)
                tasks.append((driver, {"target": proxy.address} | job))
                made[driver.name, mode] = (ids, proxy)
        limit_s = START_S + max(limit_of(scenario, mode) for mode in MODES)
        runs = run_all(tasks, limit_s)
        return {
            key: Trial(ids, run, proxy.hits, proxy.connections, proxy.taken_first, limit_of(scenario, key[1]))
            for (key, (ids, proxy)), run in zip(made.items(), runs, strict=True)
        }


@pytest.fixture(scope="module")
def trial_of(
    all_present: list[Driver], servers: Servers, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Scenario, str, str], Trial]:
    """One driver's trial; those of all drivers are made when the first is asked for."""
    done: dict[str, dict[tuple[str, str], Trial]] = {}
    folder = tmp_path_factory.mktemp("pictures")

    def trial(scenario: Scenario, name: str, mode: str) -> Trial:
        if scenario.name not in done:
            first = SCENARIOS.index(scenario)
            batch = [each for each in SCENARIOS[first : first + AT_ONCE] if each.name not in done]
            with ThreadPoolExecutor(AT_ONCE) as pool:
                trials = pool.map(lambda each: run_scenario(each, all_present, servers, certificates.ca, folder), batch)
                done.update(zip((each.name for each in batch), trials, strict=True))
        return done[scenario.name][name, mode]

    return trial


TRIALS = [
    pytest.param(scenario, name, id=f"{scenario.name}-{name}") for scenario in SCENARIOS for name in names_of(scenario)
]


def check_success(scenario: Scenario, trial: Trial, run: Run, server: Server) -> None:
    failed = [(outcome.frame_id, outcome.error) for outcome in run.outcomes if not outcome.ok]
    assert not failed
    logged = {line["result_id"]: line for line in server.results() if line["result_id"]}
    for outcome in run.outcomes:
        assert outcome.result is not None
        # The answer is that of an inspection of this very frame, and of this attempt.
        line = logged[outcome.result["result_id"]]
        assert (line["frame_id"], line["attempt"]) == (outcome.frame_id, outcome.attempts - 1)
    most = max(outcome.attempts for outcome in run.outcomes)
    if scenario.sent_again is not None:
        assert (most > 1) == scenario.sent_again, f"sent {most} times"


def check_loss(scenario: Scenario, trial: Trial, run: Run) -> None:
    for outcome in run.outcomes:
        assert outcome.error is not None, f"{outcome.frame_id}: a result came through"
        assert outcome.error.code in BROKEN, outcome.error
        assert outcome.error.reason in ("", "DEADLINE_EXCEEDED"), outcome.error
        assert outcome.attempts <= lost(scenario)[1] / NEVER_AGAIN_S, f"{outcome.frame_id}: {outcome.attempts} attempts"
    if scenario.sent_again:
        # A client that gave up at once would have these errors too. Silence takes a whole keepalive to notice.
        silent = any(fault.kind == "stall" for fault in scenario.faults)
        assert silent or run.outcomes[0].attempts > 1, run.outcomes[0]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("scenario", "each_driver"), TRIALS, indirect=["each_driver"])
def test_each_frame_has_one_outcome_in_order_and_in_time(
    scenario: Scenario,
    mode: str,
    each_driver: Driver,
    trial_of: Callable[[Scenario, str, str], Trial],
    servers: Servers,
) -> None:
    trial = trial_of(scenario, each_driver.name, mode)
    run = checked(trial.run)
    ids = [outcome.frame_id for outcome in run.outcomes]
    if scenario.for_ever and mode == "stream" and run.end is not None:
        # A stream may end where no server was ever reached, before the client has taken its last frame.
        assert run.end.code == UNAVAILABLE, run.end
        assert ids
        assert ids == trial.ids[: len(ids)]
        assert all(outcome.attempts == 0 for outcome in run.outcomes), "a server was reached"
    else:
        assert ids == trial.ids
        assert run.end is None
    assert trial.began is not None
    assert run.ended - trial.began <= trial.limit_s
    assert not any(outcome.skipped for outcome in run.outcomes)
    if scenario.faults:
        assert trial.hits > 0, f"the fault was not met on any of {trial.connections} connections"
    if scenario.succeeds:
        check_success(scenario, trial, run, servers[scenario.tls])
    else:
        check_loss(scenario, trial, run)


def test_nothing_is_left_inside_the_servers(servers: Servers, trial_of: Callable[[Scenario, str, str], Trial]) -> None:
    """After all of it: no frame is stuck."""
    end = time.monotonic() + START_S
    for server in servers.values():
        assert server.running()
        while (stuck := server.metric("bayespfl_frames_in_flight")) > 0:
            assert time.monotonic() < end, f"{stuck} frames are in flight"
            time.sleep(0.1)
        assert server.stop() == 0
