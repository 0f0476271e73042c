"""The helper itself: what is no output of a driver is refused, whatever hangs is ended, whoever is missed is named."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pytest
from driver import Driver, HangError, checked, find_drivers, run_all
from outcomes import OutputError, parse

SHA = "0" * 64
RESULT: dict[str, Any] = {
    "frame_id": "f0",
    "attempts": 1,
    "ok": True,
    "verdict": "FAIL",
    "decided_by": "MAP_SCORE",
    "category": "leather",
    "object": "leather",
    "score": "3f7bf0c9",
    "score_std": "00000000",
    "map_score": "3f7bf0c9",
    "mixed_score": None,
    "mask_area_fraction": "3fa0000000000000",
    "largest_region_fraction": "3fa0000000000000",
    "frame_width": 256,
    "frame_height": 256,
    "mask": {"width": 256, "height": 256, "area_pixels": 2007, "sha256": SHA},
    "anomaly_map": {"width": 256, "height": 256, "sha256": SHA},
    "deviation_map": None,
    "regions": [],
    "regions_total": 3,
    "inspected_picture_sha256": None,
    "seed": 18446744073709551615,
    "samples": 4,
    "result_id": "r",
    "picture_sha256": SHA,
}
FAILURE: dict[str, Any] = {"code": 3, "reason": "", "message": "m", "retry_delay_s": None, "violations": []}
ERROR: dict[str, Any] = {"frame_id": "f1", "attempts": 0, "ok": False, "skipped": False, "error": FAILURE}
SKIPPED: dict[str, Any] = {"frame_id": "f2", "attempts": 1, "ok": False, "skipped": True, "error": None}


def text(*lines: dict[str, Any]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def test_reads_results_errors_skipped_and_the_end() -> None:
    outcomes, end = parse(text(RESULT, ERROR, SKIPPED, {"end": FAILURE}))
    assert [(outcome.ok, outcome.error is not None, outcome.skipped) for outcome in outcomes] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]
    assert end is not None
    assert "result_id" not in outcomes[0].bits()
    assert outcomes[0].bits()["seed"] == 2**64 - 1


@pytest.mark.parametrize(
    "line",
    [
        *({key: value for key, value in RESULT.items() if key != missing} for missing in RESULT),
        RESULT | {"more": 1},
        RESULT | {"score": "3F7BF0C9"},
        RESULT | {"score": 0.5},
        RESULT | {"mask_area_fraction": "3fa00000"},
        RESULT | {"seed": 1.0},
        RESULT | {"attempts": True},
        RESULT | {"verdict": "VERDICT_FAIL"},
        RESULT | {"mask": RESULT["anomaly_map"]},
        RESULT | {"regions": None},
        RESULT | {"skipped": False},
        ERROR | {"error": None},
        ERROR | {"ok": True},
        ERROR | {"skipped": True},
        ERROR | {"error": FAILURE | {"code": 0}},
        ERROR | {"error": FAILURE | {"reason": "ERROR_REASON_INTERNAL"}},
        ERROR | {"error": FAILURE | {"message": ""}},
        ERROR | {"error": FAILURE | {"retry_delay_s": -1}},
        ERROR | {"error": {key: value for key, value in FAILURE.items() if key != "violations"}},
    ],
)
def test_refuses_lines_that_are_not_the_protocols(line: dict[str, Any]) -> None:
    with pytest.raises(OutputError):
        parse(text(line, {"end": None}))


@pytest.mark.parametrize(
    "output",
    ["", text(RESULT), text({"end": None}, RESULT), text({"end": None}, {"end": None}), "{}\n", "rubbish\n", "[]\n"]
    + [text({"end": None})[:-1], text({"end": "error"}), text({"end": None, "more": 1}), "\n" + text({"end": None})],
)
def test_refuses_outputs_without_exactly_one_end(output: str) -> None:
    with pytest.raises(OutputError):
        parse(output)


def program(code: str) -> Driver:
    return Driver("test", (sys.executable, "-c", code))


def test_ends_a_driver_that_hangs_and_keeps_the_others() -> None:
    began = time.monotonic()
    hangs = program("print('{}', flush=True); import time; time.sleep(60)")
    works = program("import sys; sys.stdin.read(); print('{\"end\": null}')")
    hung, worked = run_all([(hangs, {}), (works, {})], limit_s=5)
    assert time.monotonic() - began < 30
    assert isinstance(hung, HangError)
    assert checked(worked).outcomes == []
    with pytest.raises(HangError, match="had printed 1 lines"):
        checked(hung)


def test_an_exit_code_and_what_stood_in_stderr_are_told() -> None:
    with pytest.raises(OutputError, match=r"(?s)exit code 3.*the reason"):
        program("import sys; print('{\"end\": null}'); print('the reason', file=sys.stderr); sys.exit(3)").run({}, 30)


def test_a_required_client_that_is_missing_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAYESPFL_GO_DRIVER", "/nowhere/driver")
    monkeypatch.setenv("BAYESPFL_REQUIRE_CLIENTS", "")
    assert "/nowhere/driver" in find_drivers().missing["go"]
    monkeypatch.setenv("BAYESPFL_REQUIRE_CLIENTS", "go")
    with pytest.raises(LookupError, match="/nowhere/driver"):
        find_drivers()
    monkeypatch.setenv("BAYESPFL_REQUIRE_CLIENTS", "rust")
    with pytest.raises(LookupError, match="rust"):
        find_drivers()
