"""Every driver over the whole table, unary and as a stream, against one real server a group.

The drivers run at once, and the server takes one frame a batch, so each frame is computed alone and everybody must get the
same bits.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cases import Case, Group, load
from driver import Driver, Job, Run, checked, run_all
from expectations import bits_of, check_error, check_outcome, of_the_picture
from outcomes import Outcome
from pictures import Pictures
from server_process import Server

MODES = ("unary", "stream")
LIMIT_S = 600  # whoever hangs is ended; each frame has a time of its own
CLIENT = {"timeout_s": 60}
GROUPS = {group.name: group for group in load()}
CASES = [
    pytest.param(group, case, id=f"{group.name}: {case.name}")
    for group in GROUPS.values()
    if group.refused is None
    for case in group.cases
]
Runs = dict[tuple[str, str], Run | AssertionError]  # by driver and mode


def frame_of(case: Case, pictures: Pictures) -> dict[str, Any]:
    frame = pictures.frame(case.picture)
    return frame | {"frame_id": case.id, "category": case.category, "options": case.options}


def tokens_file(roles: dict[str, str], folder: Path) -> tuple[Path, dict[str, str]]:
    """A file with a token for each name, whose role is given, and the tokens."""
    tokens = {name: f"bpfl_{secrets.token_hex(32)}" for name in roles}
    lines = [
        f"- {{name: {name}, role: {roles[name]}, sha256: {hashlib.sha256(token.encode()).hexdigest()}}}\n"
        for name, token in tokens.items()
    ]
    path = folder / "tokens.yaml"
    path.write_text("".join(lines))
    return path, tokens


def run_group(group: Group, drivers: list[Driver], folder: Path) -> Runs:
    folder.mkdir()
    pictures = Pictures(folder)
    settings = dict(group.server)
    roles = {role: role for role in group.tokens}
    if group.token_each:
        roles = {f"{driver.name}-{mode}": "inspect" for mode in MODES for driver in drivers}
    tokens: dict[str, str] = {}
    if roles:
        settings["tokens_file"], tokens = tokens_file(roles, folder)
    frames = [frame_of(case, pictures) for case in group.cases]

    def job(driver: Driver, mode: str, address: str) -> Job:
        token = tokens.get(f"{driver.name}-{mode}" if group.token_each else group.token)
        client = CLIENT | group.client | ({"token": token} if token else {})
        return {"target": address, "mode": mode, "client": client, "frames": frames}

    runs: Runs = {}
    with Server(folder / "server", **settings) as server:
        for mode in MODES:
            tasks = [(driver, job(driver, mode, server.address)) for driver in drivers]
            for driver, run in zip(drivers, run_all(tasks, LIMIT_S), strict=True):
                runs[driver.name, mode] = run
        code = server.stop()
        assert code == 0, f"the server ended with exit code {code}"
    return runs


@pytest.fixture(scope="session")
def runs_of(
    all_present: list[Driver], server_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Group], Runs]:
    """All drivers' runs of a group, made when first asked for."""
    done: dict[str, Runs] = {}

    def runs(group: Group) -> Runs:
        if group.name not in done:
            number = list(GROUPS).index(group.name)
            done[group.name] = run_group(group, all_present, tmp_path_factory.mktemp("cases") / str(number))
        return done[group.name]

    return runs


def outcome_of(run: Run | AssertionError, case: Case) -> Outcome:
    """The frame's own, wherever it stands; that it stands in its place is a test of its own."""
    found = [outcome for outcome in checked(run).outcomes if outcome.frame_id == case.id]
    assert len(found) == 1, f"{len(found)} outcomes instead of one"
    return found[0]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
def test_each_frame_has_one_outcome_in_its_place(
    group: Group, mode: str, each_driver: Driver, runs_of: Callable[[Group], Runs]
) -> None:
    run = checked(runs_of(group)[each_driver.name, mode])
    ids = [case.id for case in group.cases]
    got = [outcome.frame_id for outcome in run.outcomes]
    if group.refused is not None:
        assert got == []
        assert run.end is not None
        check_error(run.end, group.refused, mode)
        return
    if group.end is None or mode == "unary":
        assert got == ids
        assert run.end is None
    else:
        # What ends the stream may come before the client has taken the next frame.
        assert got == ids[: len(got)]
        assert got
        assert run.end is not None
        check_error(run.end, group.end, mode)
    if group.attempts_over:
        assert max(outcome.attempts for outcome in run.outcomes) > group.attempts_over


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("group", "case"), CASES)
def test_the_outcome_is_as_the_table_says(
    group: Group, case: Case, mode: str, each_driver: Driver, runs_of: Callable[[Group], Runs], tmp_path: Path
) -> None:
    run = runs_of(group)[each_driver.name, mode]
    if group.end is not None and mode == "stream" and case is not group.cases[0]:
        pytest.skip("the stream may have ended before it took this frame")
    outcome = outcome_of(run, case)
    check_outcome(outcome, case, frame_of(case, Pictures(tmp_path)), mode)
    if case.expect.same_as:
        other = outcome_of(run, group.case(case.expect.same_as))
        assert of_the_picture(outcome.bits()) == of_the_picture(other.bits())
    for name in case.expect.differs_from:
        other = outcome_of(run, group.case(name))
        keys = ("score", "inspected_picture_sha256")
        assert [outcome.bits()[key] for key in keys] != [other.bits()[key] for key in keys], f"the same as {name!r}"


@pytest.mark.parametrize(("group", "case"), CASES)
def test_all_clients_say_the_same_to_the_last_bit(group: Group, case: Case, runs_of: Callable[[Group], Runs]) -> None:
    found = {
        f"{name}, {mode}": outcome_of(run, case)
        for (name, mode), run in runs_of(group).items()
        if not (group.end is not None and mode == "stream" and case is not group.cases[0])
    }
    results = {who: bits_of(outcome, case) for who, outcome in found.items() if outcome.ok}
    if case.expect.random_seed:
        assert len({bits["seed"] for bits in results.values()}) == len(results), "two seeds are the same"
        results = {}
    first = next(iter(results), "")
    for who, bits in results.items():
        assert bits == results[first], f"{who} against {first}"
    errors = {
        who: (error.code, error.reason, [path.removeprefix("frame.") for path in error.violations])
        for who, outcome in found.items()
        if (error := outcome.error) is not None
    }
    first = next(iter(errors), "")
    for who, error in errors.items():
        assert error == errors[first], f"{who} against {first}"
    assert not results or not errors, f"{sorted(results)} have a result, {sorted(errors)} an error"
