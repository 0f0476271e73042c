"""Whether a result that was computed again is the recorded one. docs/verdicts.md says what the answers mean."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bayespfl._json import shortest
from bayespfl._result_line import Recorded

# By the precision that the result was recorded in; of another name, or none: fp32's.
SCORE_TOLERANCES = {"fp32": 1e-5, "bf16": 5e-3, "fp16": 2e-3, "int8": 2e-2}
AREA_TOLERANCES = {"fp32": 1e-3, "bf16": 1e-2, "fp16": 1e-2, "int8": 1e-2}
_LONGEST_LINE = 1 << 20


class Agreement(enum.IntEnum):
    """How far two computations agree; the greatest of all numbers counts."""

    EQUAL = 0
    WITHIN_TOLERANCE = 1
    DIFFERENT = 2

    def __str__(self) -> str:
        return ("equal to the bit", "within the documented tolerance", "different")[self]


@dataclass(frozen=True)
class Comparison:
    """What differs."""

    agreement: Agreement
    numbers: tuple[str, ...]  # with both values: "score 0.71 -> 0.7100001"
    conditions: tuple[str, ...]  # what is not as it was, and may be why

    def text(self) -> str:
        """For people."""
        text = str(self.agreement)
        for heading, items in (
            ("numbers that differ:", self.numbers),
            ("conditions that are not as they were:", self.conditions),
        ):
            if items:
                text += "".join(f"\n{line}" for line in (heading, *(f"  {item}" for item in items)))
        return text


def _as_text(value: float | None) -> str:
    return "none" if value is None else str(shortest(value))


def _numbers(before: Recorded, now: Recorded) -> list[tuple[str, bool]]:
    """(text, within the tolerance) of each that differs."""
    differences = []
    precision = before.precision if before.precision in SCORE_TOLERANCES else "fp32"
    if before.verdict != now.verdict:
        differences.append((f"verdict {before.verdict} -> {now.verdict}", False))
    for name in ("score", "score_std", "map_score"):
        old, new = np.float32(getattr(before, name)), np.float32(getattr(now, name))
        if old != new:
            # A NaN is equal to nothing and within no tolerance.
            within = bool(abs(float(old) - float(new)) <= SCORE_TOLERANCES[precision])
            differences.append((f"{name} {_as_text(float(old))} -> {_as_text(float(new))}", within))
    old_mixed, new_mixed = before.mixed_score, now.mixed_score
    if _as_text(old_mixed) != _as_text(new_mixed):
        # Follows from the two scores and the category's ranges, which may stretch their tolerance to any width.
        both = old_mixed is not None and new_mixed is not None
        differences.append((f"mixed_score {_as_text(old_mixed)} -> {_as_text(new_mixed)}", both))
    for name in ("mask_area_fraction", "largest_region_fraction"):
        old_area, new_area = getattr(before, name), getattr(now, name)
        if old_area != new_area:
            within = bool(abs(old_area - new_area) <= AREA_TOLERANCES[precision])
            differences.append((f"{name} {old_area:g} -> {new_area:g}", within))
    return differences


_CONDITIONS = (
    ("the object", "object"),
    ("the thresholds' revision", "thresholds_revision"),
    ("the mask threshold", "mask_threshold"),
    ("precision", "precision"),
    ("seed", "seed"),
    ("samples", "samples"),
    ("kernels", "kernels"),
    ("device", "device"),
    ("program version", "server_version"),
)


def _conditions(before: Recorded, now: Recorded) -> list[str]:
    conditions = []
    if before.picture_sha256 != now.picture_sha256:
        conditions.append(f"the picture's SHA-256 {before.picture_sha256} -> {now.picture_sha256}")
    package = ("the package's digest, of its names or calibration,", "model_digest")
    computation = ("the model's computation digest", "computation_digest")
    model = package if before.computation_digest == now.computation_digest else computation
    for name, key in (model, *_CONDITIONS):
        old, new = getattr(before, key), getattr(now, key)
        same = np.float32(old) == np.float32(new) if key == "mask_threshold" else old == new
        if not same:
            conditions.append(f"{name} {old} -> {new}")
    if not before.ran_alone:
        conditions.append("it ran in a batch with other frames when it was recorded")
    return conditions


def compare(before: Recorded, now: Recorded) -> Comparison:
    """A recorded result with one of the same picture now."""
    numbers = _numbers(before, now)
    agreement = Agreement.EQUAL
    for _, within in numbers:
        agreement = max(agreement, Agreement.WITHIN_TOLERANCE if within else Agreement.DIFFERENT)
    return Comparison(agreement, tuple(text for text, _ in numbers), tuple(_conditions(before, now)))


def _id_of(line: str) -> str | None:
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return document.get("result_id") if isinstance(document, dict) else None


def find_result_line(log: Iterable[str], result_id: str, name: str) -> str:
    """The line with that id, or, without one, the only one that is not blank; ValueError. `name`: what is read."""
    if result_id:
        # Most lines of a long log need no parsing.
        found = next((line for line in log if result_id in line and _id_of(line) == result_id), None)
        if found is None:
            raise ValueError(f"{name} holds no result with the id {result_id}")
    else:
        lines = (line for line in log if line.strip())
        found = next(lines, None)
        if found is None:
            raise ValueError(f"{name} holds no line")
        if next(lines, None) is not None:
            raise ValueError(f"{name} holds several lines; --result-id says which is meant")
    if len(found) > _LONGEST_LINE:
        raise ValueError(f"{name} holds a line of {len(found)} characters, which is no result")
    return found
