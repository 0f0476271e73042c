"""What is printed about inspected pictures: a table for people, or one JSON object a line for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Protocol

from bayespfl._json import json_text
from bayespfl._result_line import region_to_json, result_to_json
from bayespfl._text import columns, keep_end, one_line, pad
from bayespfl.cli._inputs import Input
from bayespfl.errors import ErrorReason, InspectionError
from bayespfl.results import Result, Verdict

_WIDEST_IMAGE = 40
_WIDEST_CATEGORY = 24


@dataclass(frozen=True)
class Answer:
    """What became of one picture."""

    result: Result | None
    error: InspectionError | None
    skipped: bool
    latency: float  # seconds, as the caller saw it
    attempts: int


def reason_name(error: InspectionError) -> str:
    """ "QUEUE_FULL"; of a reason that is not known here, its number; "" when nobody said one."""
    if error.reason == ErrorReason.UNSPECIFIED:
        return ""
    return error.reason.name if isinstance(error.reason, ErrorReason) else str(error.reason)


class Reporter(Protocol):
    """Prints results in the order in which they are given."""

    def report(self, picture: Input, answer: Answer) -> None: ...

    def unanswered(self, picture: Input, why: InspectionError) -> None:
        """A picture that was never looked at, because the run broke off."""

    def finish(self, elapsed: float) -> None:
        """Once, after the last picture. `elapsed`: seconds of the whole run."""


def _error_to_json(error: InspectionError) -> dict[str, Any]:
    return {
        "code": error.code.name,
        "reason": reason_name(error) or None,
        "message": error.message,
        "retry_delay_seconds": error.retry_after,
    }


class JsonReporter:
    """A line for each picture: "image", the keys of the result line, "timings", "latency_seconds", "attempt"; "regions" and
    "regions_total" when they were asked for. Without a result: "image", "category" and "error", or "skipped"."""

    def __init__(self, *, significant_bits: int = 0, apply_orientation: bool = False) -> None:
        """Both as the pictures were sent that say nothing themselves."""
        self._significant_bits = significant_bits
        self._apply_orientation = apply_orientation

    def report(self, picture: Input, answer: Answer) -> None:
        line: dict[str, Any] = {"image": picture.name}
        if answer.result is not None:
            line |= result_to_json(
                answer.result,
                significant_bits=picture.significant_bits or self._significant_bits,
                apply_orientation=self._apply_orientation,
            )
            if answer.result.regions_total is not None:
                line["regions"] = [region_to_json(region) for region in answer.result.regions]
                line["regions_total"] = answer.result.regions_total
            line["timings"] = dict(answer.result.timings)
        else:
            line["category"] = picture.category
            if answer.error is not None:
                line["error"] = _error_to_json(answer.error)
            else:
                line["skipped"] = True
        line["latency_seconds"] = answer.latency
        line["attempt"] = max(0, answer.attempts - 1)
        print(json_text(line), flush=True)

    def unanswered(self, picture: Input, why: InspectionError) -> None:
        print(
            json_text({"image": picture.name, "category": picture.category, "error": _error_to_json(why)}), flush=True
        )

    def finish(self, elapsed: float) -> None:
        pass


class TableReporter:
    """A row for each picture, then a blank line and what they come to.

    Columns are as wide as the pictures need, up to a bound beyond which names lose their beginning.
    """

    def __init__(self, pictures: list[Input]) -> None:
        self._image = min(max([5, *(columns(one_line(picture.name)) for picture in pictures)]), _WIDEST_IMAGE)
        widest = max([8, *(columns(one_line(picture.category)) for picture in pictures)])
        self._category = min(widest, _WIDEST_CATEGORY)
        self._verdicts: Counter[Verdict] = Counter()
        self._warnings: Counter[str] = Counter()  # results that have it, by its message
        self._frames = self._failed = self._skipped = self._unanswered = 0

    def report(self, picture: Input, answer: Answer) -> None:
        if self._frames == 0:
            heading = "verdict  decided by   score    map      area     latency"
            print(f"{pad('image', self._image)}  {pad('category', self._category)}  {heading}")
        self._frames += 1
        name = pad(keep_end(one_line(picture.name), self._image), self._image)
        category = pad(keep_end(one_line(picture.category), self._category), self._category)
        print(f"{name}  {category}  {self._row(answer)}", flush=True)  # at once: a run may take long, through a pipe

    def _row(self, answer: Answer) -> str:
        if answer.result is not None:
            result = answer.result
            self._verdicts[result.verdict] += 1
            self._warnings.update(warning.message for warning in result.warnings)
            verdict = "none" if result.verdict is Verdict.NONE else str(result.verdict)
            rule = str(result.decided_by) if result.decided_by is not None else "-"
            return (
                f"{verdict:<7}  {rule:<11}  {result.score:5.3f}  {result.map_score:5.3f}  "
                f"{100 * result.mask_area_fraction:6.2f} %  {1000 * answer.latency:7.1f} ms"
            )
        if answer.error is None:
            self._skipped += 1
            return "skipped: younger pictures came"
        self._failed += 1
        reason = reason_name(answer.error)
        return f"{answer.error.code.name}{f' ({reason})' if reason else ''}: {one_line(answer.error.message)}"

    def unanswered(self, picture: Input, why: InspectionError) -> None:
        self._unanswered += 1

    def finish(self, elapsed: float) -> None:
        if self._frames == 0:
            return
        parts = [f"{self._frames} frame{'' if self._frames == 1 else 's'}", f"{self._failed} failed"]
        if self._skipped:
            parts.append(f"{self._skipped} skipped")
        if self._unanswered:
            parts.append(f"{self._unanswered} not answered")
        for verdict in (Verdict.PASS, Verdict.REVIEW, Verdict.FAIL):
            if self._verdicts[verdict]:
                parts.append(f"{self._verdicts[verdict]} {verdict}")
        if self._verdicts[Verdict.NONE]:
            parts.append(f"{self._verdicts[Verdict.NONE]} without a verdict")
        rate = self._frames / elapsed if elapsed > 0 else 0.0
        print(f"\n{', '.join(parts)}, {rate:.1f} frames/s, {elapsed:.1f} s")
        for message, count in self._warnings.items():
            pictures = "picture" if self._frames == 1 else "pictures"
            print(f"warning: {count} of {self._frames} {pictures}: {one_line(message)}")
