"""Statuses that do not carry the server's own word: which of them a client takes for final, and which it tries again."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from driver import Driver
from pictures import Pictures
from refusing_server import RefusingServer

MODES = ("unary", "stream")
TIMEOUT_S = 2
HANG_S = 5
LIMIT_S = 2 * TIMEOUT_S + HANG_S + 60
FINAL = {
    "UNAUTHENTICATED": "UNAUTHENTICATED",
    "PERMISSION_DENIED": "PERMISSION_DENIED",
    "UNIMPLEMENTED": "",
}
BROKEN = ("UNAVAILABLE", "INTERNAL", "UNKNOWN", "CANCELLED")


def job(server: RefusingServer, mode: str, folder: Path, frames: int = 2) -> dict[str, object]:
    frame = {"image": Pictures(folder).make_png_rgb(), "frame_id": "f", "category": "leather", "repeat": frames}
    client = {"timeout_s": TIMEOUT_S, "connect_timeout_s": TIMEOUT_S}
    return {"target": server.address, "mode": mode, "client": client, "frames": [frame]}


@pytest.mark.parametrize("tells_its_limits", [True, False], ids=["known server", "first call"])
@pytest.mark.parametrize("code", FINAL)
@pytest.mark.parametrize("mode", MODES)
def test_what_every_frame_would_meet_is_final(
    mode: str, code: str, tells_its_limits: bool, driver: Driver, tmp_path: Path
) -> None:
    with RefusingServer(grpc.StatusCode[code], tells_its_limits=tells_its_limits) as server:
        run = driver.run(job(server, mode, tmp_path), LIMIT_S)
    number = grpc.StatusCode[code].value[0]
    ids = [outcome.frame_id for outcome in run.outcomes]
    assert ids == ["f-0", "f-1"][: len(ids)]
    assert ids
    for outcome in run.outcomes:
        assert outcome.error is not None
        assert (outcome.error.code, outcome.error.reason) == (number, FINAL[code])
        assert outcome.attempts <= 1
    if mode == "stream":
        assert run.end is not None
        assert (run.end.code, run.end.reason) == (number, FINAL[code])
    else:
        assert len(ids) == 2
        assert run.end is None


@pytest.mark.parametrize("code", BROKEN)
@pytest.mark.parametrize("mode", MODES)
def test_what_a_broken_connection_says_is_tried_again_until_the_time_is_up(
    mode: str, code: str, driver: Driver, tmp_path: Path
) -> None:
    with RefusingServer(grpc.StatusCode[code], tells_its_limits=True) as server:
        run = driver.run(job(server, mode, tmp_path, frames=1), LIMIT_S)
        refusals = server.refusals()
    assert [outcome.frame_id for outcome in run.outcomes] == ["f-0"]
    assert run.end is None
    for outcome in run.outcomes:
        assert outcome.error is not None
        # The last attempt's, or that time ran out in one.
        assert outcome.error.code in {grpc.StatusCode[code].value[0], grpc.StatusCode.DEADLINE_EXCEEDED.value[0]}
        assert outcome.error.reason in ("", "DEADLINE_EXCEEDED", *({"CANCELLED"} & {code}))
    # 100 ms, 150, 225, 338, 506, 759: five waits fit into two seconds, and no more than a few more with the 20 % off.
    assert 2 <= refusals <= 9
    # Time may run out for the last call on its way there. A stream's call is an attempt of the frame only once that is sent, and
    # may be refused before.
    assert run.outcomes[0].attempts <= refusals + 1
    assert mode == "stream" or refusals <= run.outcomes[0].attempts
