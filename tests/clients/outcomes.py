"""What a driver prints, read strictly: a field too many, one too few or one of another kind is an error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SINGLE = re.compile(r"[0-9a-f]{8}")
DOUBLE = re.compile(r"[0-9a-f]{16}")
SHA256 = re.compile(r"[0-9a-f]{64}")
REASONS = frozenset(
    {
        "",
        "MALFORMED_MESSAGE",
        "INVALID_FIELD",
        "INVALID_PICTURE",
        "PICTURE_TOO_LARGE",
        "STREAM_PROTOCOL",
        "MODEL_NOT_FOUND",
        "QUEUE_FULL",
        "BYTES_FULL",
        "STREAMS_FULL",
        "RATE_LIMITED",
        "FRAME_TOO_LARGE",
        "MESSAGE_TOO_LARGE",
        "NOT_READY",
        "DRAINING",
        "NO_REPLICA",
        "MAX_STREAM_AGE",
        "DEADLINE_EXCEEDED",
        "CANCELLED",
        "DEVICE_FAILED",
        "INTERNAL",
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
        "DEVICE_HUNG",
    }
)
VERDICTS = frozenset({"", "PASS", "REVIEW", "FAIL"})
RULES = frozenset({"", "SCORE", "MAP_SCORE", "REGION_AREA"})
LAST_CODE = 16


class OutputError(AssertionError):
    """The driver printed something that its protocol does not know."""


@dataclass(frozen=True)
class Error:
    code: int
    reason: str
    message: str
    retry_delay_s: float | None
    violations: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """One frame's. `result` holds the line's fields as they stand there; exactly one of the last three is set."""

    frame_id: str
    attempts: int
    result: dict[str, Any] | None
    error: Error | None
    skipped: bool

    @property
    def ok(self) -> bool:
        return self.result is not None

    def bits(self) -> dict[str, Any]:
        """What must be the same whoever asked: all of the result but its own name."""
        assert self.result is not None, self
        return {key: value for key, value in self.result.items() if key != "result_id"}


Check = Callable[[Any, str], None]


def _fail(path: str, value: Any, expected: str) -> None:
    raise OutputError(f"{path} is {value!r}; expected {expected}")


def _text(value: Any, path: str) -> None:
    if not isinstance(value, str):
        _fail(path, value, "a text")


def _whole(value: Any, path: str) -> None:
    if type(value) is not int or value < 0:
        _fail(path, value, "a whole number, not negative")


def _matching(pattern: re.Pattern[str], what: str) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            _fail(path, value, what)

    return check


def _one_of(values: frozenset[str]) -> Check:
    def check(value: Any, path: str) -> None:
        if value not in values:
            _fail(path, value, "one of " + ", ".join(sorted(values)))

    return check


def _or_null(inner: Check) -> Check:
    def check(value: Any, path: str) -> None:
        if value is not None:
            inner(value, path)

    return check


def _list_of(inner: Check, length: int | None = None) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, list) or (length is not None and len(value) != length):
            _fail(path, value, "a list" if length is None else f"a list of {length}")
        for index, item in enumerate(value):
            inner(item, f"{path}[{index}]")

    return check


def _object(fields: dict[str, Check]) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            _fail(path, value, "an object")
        if value.keys() != fields.keys():
            missing, unknown = sorted(fields.keys() - value.keys()), sorted(value.keys() - fields.keys())
            raise OutputError(f"{path} lacks {missing} and has {unknown} that nobody knows: {value!r}")
        for key, inner in fields.items():
            inner(value[key], f"{path}.{key}")

    return check


_single = _matching(SINGLE, "8 hexadecimal digits of a single")
_double = _matching(DOUBLE, "16 hexadecimal digits of a double")
_sha256 = _matching(SHA256, "a SHA-256 in hexadecimal")
_map = _object({"width": _whole, "height": _whole, "sha256": _sha256})
_mask = _object({"width": _whole, "height": _whole, "area_pixels": _whole, "sha256": _sha256})
_region = _object(
    {
        "box": _list_of(_single, 4),
        "area_pixels": _double,
        "peak": _single,
        "mean": _single,
        "centroid": _list_of(_single, 2),
        "contour_points": _whole,
    }
)
_RESULT: dict[str, Check] = {
    "verdict": _one_of(VERDICTS),
    "decided_by": _one_of(RULES),
    "category": _text,
    "object": _text,
    "score": _single,
    "score_std": _single,
    "map_score": _single,
    "mixed_score": _or_null(_single),
    "mask_area_fraction": _double,
    "largest_region_fraction": _double,
    "frame_width": _whole,
    "frame_height": _whole,
    "mask": _or_null(_mask),
    "anomaly_map": _or_null(_map),
    "deviation_map": _or_null(_map),
    "regions": _list_of(_region),
    "regions_total": _or_null(_whole),
    "inspected_picture_sha256": _or_null(_sha256),
    "seed": _whole,
    "samples": _whole,
    "result_id": _text,
    "picture_sha256": _sha256,
}
_HEAD = ("frame_id", "attempts", "ok")


def error_of(value: Any, path: str) -> Error:
    """FrameError as the driver writes it."""
    if not isinstance(value, dict):
        _fail(path, value, "an object")
    _object(
        {
            "code": _whole,
            "reason": _one_of(REASONS),
            "message": _text,
            "retry_delay_s": lambda _value, _path: None,
            "violations": _list_of(_text),
        }
    )(value, path)
    delay = value["retry_delay_s"]
    if delay is not None and (type(delay) not in (int, float) or delay < 0):
        _fail(f"{path}.retry_delay_s", delay, "seconds, or null")
    if not 1 <= value["code"] <= LAST_CODE:
        _fail(f"{path}.code", value["code"], f"a status code of an error, 1 to {LAST_CODE}")
    if not value["message"]:
        _fail(f"{path}.message", "", "words for people")
    return Error(value["code"], value["reason"], value["message"], delay, tuple(value["violations"]))


def _outcome_of(line: dict[str, Any], path: str) -> Outcome:
    for key in _HEAD:
        if key not in line:
            raise OutputError(f"{path} lacks {key!r}: {line!r}")
    _text(line["frame_id"], f"{path}.frame_id")
    _whole(line["attempts"], f"{path}.attempts")
    head = (line["frame_id"], line["attempts"])
    rest = {key: value for key, value in line.items() if key not in _HEAD}
    if line["ok"] is True:
        _object(_RESULT)(rest, path)
        return Outcome(*head, result=rest, error=None, skipped=False)
    if line["ok"] is not False:
        _fail(f"{path}.ok", line["ok"], "true or false")
    if rest == {"skipped": True, "error": None} or rest == {"skipped": True}:
        return Outcome(*head, result=None, error=None, skipped=True)
    if rest.keys() != {"skipped", "error"} or rest["skipped"] is not False:
        raise OutputError(f"{path} is neither a result, nor an error, nor skipped: {line!r}")
    return Outcome(*head, result=None, error=error_of(rest["error"], f"{path}.error"), skipped=False)


def parse(text: str) -> tuple[list[Outcome], Error | None]:
    """A driver's whole output: the outcomes, and the error that it ended with."""
    lines = text.split("\n")
    if lines[-1] != "":
        raise OutputError(f"the output does not end with a line's end: {lines[-1]!r}")
    outcomes: list[Outcome] = []
    for number, line in enumerate(lines[:-1], start=1):
        try:
            value = json.loads(line)
        except ValueError as error:
            raise OutputError(f"line {number} is no JSON ({error}): {line[:200]!r}") from error
        path = f"line {number}"
        if not isinstance(value, dict):
            _fail(path, value, "an object")
        if "end" in value:
            _object({"end": lambda _value, _path: None})(value, path)
            if number != len(lines) - 1:
                raise OutputError(f"{path} is the end, and {len(lines) - 1 - number} lines follow")
            return outcomes, None if value["end"] is None else error_of(value["end"], path)
        outcomes.append(_outcome_of(value, path))
    raise OutputError(f"the output has no end after {len(outcomes)} outcomes")
