"""Compares an outcome with what its case expects."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from cases import Case, Expect
from outcomes import Error, Outcome

NOT_OF_THE_PICTURE = {"picture_sha256"}  # two files may hold one picture


def sha256_of(frame: dict[str, Any]) -> str:
    """Of the picture's bytes as they go out."""
    return hashlib.sha256(Path(frame["image"] if "image" in frame else frame["raw"]["path"]).read_bytes()).hexdigest()


def picture_bytes(frame: dict[str, Any]) -> int:
    return Path(frame["image"] if "image" in frame else frame["raw"]["path"]).stat().st_size


def check_error(error: Error, expect: Expect, mode: str) -> None:
    assert (error.code, error.reason) == (expect.code, expect.reason), error
    if expect.field is not None:
        assert error.violations == ((f"frame.{expect.field}" if mode == "stream" else expect.field),), error
    else:
        assert error.violations == (), error
    for words in expect.message_has:
        assert words in error.message, error
    if expect.retry_delay is not None:
        assert (error.retry_delay_s is not None) == expect.retry_delay, error


def check_sizes(error: Error, expect: Expect, frame: dict[str, Any]) -> None:
    """The message says how large it is and how large it may be."""
    if expect.limit is None:
        return
    numbers = {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\d|\d", error.message)}
    assert expect.limit in numbers, f"the limit {expect.limit} is not in: {error.message}"
    size = picture_bytes(frame)
    assert any(size <= number <= size + 4096 for number in numbers), f"about {size} is not in: {error.message}"


def _check_size(result: dict[str, Any], key: str, expected: tuple[int, int] | bool | None) -> None:
    if expected is False:
        assert result[key] is None, f"{key}: {result[key]}"
    elif expected is not None:
        assert result[key] is not None, f"{key} is not there"
        assert (result[key]["width"], result[key]["height"]) == expected, result[key]


def _check_mask(result: dict[str, Any], expect: Expect) -> None:
    _check_size(result, "mask", expect.mask)
    mask = result["mask"]
    if expect.mask_area is not None:
        assert mask["area_pixels"] == expect.mask_area
    if expect.mask_filled:
        assert 0 < mask["area_pixels"] < mask["width"] * mask["height"], mask
    if mask is not None and mask["area_pixels"] in (0, mask["width"] * mask["height"]):
        # The one mask whose every pixel is known without looking at the server's.
        value = b"\1" if mask["area_pixels"] else b"\0"
        assert mask["sha256"] == hashlib.sha256(value * (mask["width"] * mask["height"])).hexdigest(), mask


def _check_regions(result: dict[str, Any], expect: Expect) -> None:
    regions = result["regions"]
    if expect.regions is not None:
        assert len(regions) == expect.regions
    if expect.regions_at_least is not None:
        assert len(regions) >= expect.regions_at_least
    if expect.regions_asked is not None:
        assert (result["regions_total"] is not None) == expect.regions_asked, result["regions_total"]
    if result["regions_total"] is not None:
        assert result["regions_total"] >= len(regions)
    if expect.contour_points_at_most is not None:
        assert all(0 < region["contour_points"] <= expect.contour_points_at_most for region in regions), regions


def check_result(outcome: Outcome, expect: Expect, frame: dict[str, Any]) -> None:
    result = outcome.result
    assert result is not None, f"no result: {outcome.error or 'skipped'}"
    assert result["picture_sha256"] == sha256_of(frame)
    for key in ("verdict", "decided_by", "category", "object", "samples", "seed", "score_std"):
        expected = getattr(expect, key)
        if expected is not None:
            assert result[key] == expected, f"{key}: {result[key]!r}"
    if expect.mixed_score is not None:
        assert (result["mixed_score"] is not None) == expect.mixed_score
    if expect.frame is not None:
        assert (result["frame_width"], result["frame_height"]) == expect.frame
    if expect.inspected_picture is not None:
        assert (result["inspected_picture_sha256"] is not None) == expect.inspected_picture
    _check_mask(result, expect)
    for key in ("anomaly_map", "deviation_map"):
        _check_size(result, key, getattr(expect, key))
    _check_regions(result, expect)


def check_outcome(outcome: Outcome, case: Case, frame: dict[str, Any], mode: str) -> None:
    expect = case.expect
    assert outcome.frame_id == case.id
    assert not outcome.skipped
    if expect.is_error:
        assert outcome.error is not None, f"expected {expect.reason}, and there is a result"
        check_error(outcome.error, expect, mode)
        check_sizes(outcome.error, expect, frame)
    else:
        check_result(outcome, expect, frame)
    if expect.attempts_at_most is not None:
        assert 1 <= outcome.attempts <= expect.attempts_at_most
    elif expect.attempts is not None:
        assert outcome.attempts == expect.attempts


def bits_of(outcome: Outcome, case: Case) -> dict[str, Any]:
    """What all clients must say alike. A mask that the case does not ask for is each client's own affair."""
    bits = outcome.bits()
    if "mask" not in case.options:
        del bits["mask"]
    return bits


def of_the_picture(bits: dict[str, Any]) -> dict[str, Any]:
    """What two files of one picture have in common."""
    return {key: value for key, value in bits.items() if key not in NOT_OF_THE_PICTURE}
