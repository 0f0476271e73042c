"""A result as one JSON object: the part of a line of the server's result log, and of what `inspect --json` prints, that is
the same for both. docs/operations.md lists the keys."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

from bayespfl._json import shortest
from bayespfl.results import Region, Result, Thresholds

_HIGHEST_MIXED_SCORE = 1e9  # where all good parts are alike, a score's stretch goes to 1e8
_LARGEST_U32 = (1 << 32) - 1
_LARGEST_U64 = (1 << 64) - 1


@dataclass(frozen=True)
class RawGeometry:
    """Of a picture that came as raw pixels, without which its bytes mean nothing."""

    width: int
    height: int
    stride: int
    pfnc_pixel_format: int
    max_trailing_bytes: int = 0


@dataclass(frozen=True)
class Recorded:
    """What of a result is recorded, and compared when it is computed again."""

    result_id: str
    category: str
    object: str
    verdict: str  # "NONE", "PASS", "REVIEW", "FAIL"
    score: float
    score_std: float
    map_score: float
    mixed_score: float | None
    mask_threshold: float
    mask_area_fraction: float
    largest_region_fraction: float
    thresholds_revision: str
    model: str
    model_digest: str
    computation_digest: str
    precision: str
    kernels: str
    device: str
    server_version: str
    seed: int
    samples: int
    picture_sha256: str
    raw: RawGeometry | None
    significant_bits: int
    apply_orientation: bool
    ran_alone: bool


def thresholds_to_json(thresholds: Thresholds) -> dict[str, Any]:
    """ "source", "revision", "mask", "min_region_fraction", "lines": "review" and "fail" for each rule."""
    return {
        "source": str(thresholds.source),
        "revision": thresholds.revision or None,
        "mask": shortest(thresholds.mask),
        "min_region_fraction": thresholds.min_region_fraction,
        "lines": {
            str(line.rule): {"review": shortest(line.review), "fail": shortest(line.fail)} for line in thresholds.lines
        },
    }


def _provenance(result: Result, *, significant_bits: int, apply_orientation: bool) -> dict[str, Any]:
    provenance = result.provenance
    return {
        "model": provenance.model or None,
        "model_digest": provenance.model_digest,
        "computation_digest": provenance.computation_digest,
        "model_version": provenance.model_version,
        "precision": provenance.precision,
        "kernels": provenance.kernels,
        "device": provenance.device,
        "server_version": provenance.server_version,
        "seed": provenance.seed,
        "samples": provenance.samples,
        "picture": {
            "sha256": provenance.picture_sha256,
            "raw": None,
            "significant_bits": significant_bits,
            "apply_orientation": apply_orientation,
        },
        "ran_alone": provenance.ran_alone,
    }


def result_to_json(result: Result, *, significant_bits: int = 0, apply_orientation: bool = False) -> dict[str, Any]:
    """The result of a picture file. `significant_bits`, `apply_orientation`: as it was sent, which the reply does not tell. What is absent is null; numbers have the fewest digits that give the same one back."""
    return {
        "result_id": result.provenance.result_id,
        "category": result.category,
        "object": result.object,
        "verdict": str(result.verdict),
        "decided_by": str(result.decided_by) if result.decided_by is not None else None,
        "score": shortest(result.score),
        "score_std": shortest(result.score_std),
        "map_score": shortest(result.map_score),
        "mixed_score": None if result.mixed_score is None else shortest(result.mixed_score),
        "mask_threshold": shortest(result.thresholds.mask),
        "mask_area_fraction": result.mask_area_fraction,
        "largest_region_fraction": result.largest_region_fraction,
        "frame_width": result.width,
        "frame_height": result.height,
        "thresholds": thresholds_to_json(result.thresholds),
        "warnings": [{"reason": warning.reason, "message": warning.message} for warning in result.warnings],
        "provenance": _provenance(result, significant_bits=significant_bits, apply_orientation=apply_orientation),
    }


def region_to_json(region: Region) -> dict[str, Any]:
    """In pixels of the frame."""
    box = region.box
    return {
        "box": [shortest(value) for value in (box.x, box.y, box.width, box.height)],
        "area_pixels": region.area_pixels,
        "area_fraction": region.area_fraction,
        "peak": shortest(region.peak),
        "mean": shortest(region.mean),
        "centroid": [shortest(value) for value in region.centroid],
        "contour": [[shortest(x), shortest(y)] for x, y in region.contour],
    }


class _Reader:
    """The keys of an object; ValueError, with the key's path, for one that is missing or has no value it can have."""

    def __init__(self, value: Any, path: str = "") -> None:
        if not isinstance(value, dict):
            raise ValueError(f"result line: {path or 'it'} is no JSON object")
        self._object = cast("dict[str, Any]", value)
        self._path = path

    def _name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def value(self, key: str) -> Any:
        if key not in self._object:
            raise ValueError(f'result line: the key "{self._name(key)}" is missing')
        return self._object[key]

    def _wrong(self, key: str, expected: str) -> ValueError:
        return ValueError(f'result line: "{self._name(key)}" is {self._object[key]!r}; expected {expected}')

    def object(self, key: str) -> _Reader:
        return _Reader(self.value(key), self._name(key))

    def text(self, key: str) -> str:
        value = self.value(key)
        if not isinstance(value, str) or not value:
            raise self._wrong(key, "text")
        return value

    def optional_text(self, key: str) -> str:
        return self.text(key) if self._object.get(key) is not None else ""

    def number(self, key: str, low: float, high: float) -> float:
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self._wrong(key, f"a number of {low:g}..{high:g}")
        return float(value)

    def integer(self, key: str, low: int, high: int) -> int:
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._wrong(key, f"a whole number of {low}..{high}")
        return value

    def boolean(self, key: str) -> bool:
        value = self.value(key)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def has_value(self, key: str) -> bool:
        return self._object.get(key) is not None

    def word(self, key: str, words: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in words:
            raise self._wrong(key, f"one of {', '.join(words)}")
        return value


def parse_result_line(line: str) -> Recorded:
    """The result in a line that :func:`result_to_json` is a part of; other keys are not looked at.

    ValueError, with a sentence: no JSON object, a key that is missing or has a value it cannot have, or a line without a
    result (its code is not OK).
    """
    try:
        document = json.loads(line)
    except ValueError as error:
        raise ValueError(f"result line: it is no JSON object: {error}") from error
    reader = _Reader(document)
    if "code" in document and document["code"] != "OK":
        raise ValueError(f"result line: the frame had no result; its code was {document['code']}")
    provenance = reader.object("provenance")
    picture = provenance.object("picture")
    raw = None
    if picture.has_value("raw"):
        geometry = picture.object("raw")
        raw = RawGeometry(
            width=geometry.integer("width", 0, _LARGEST_U32),
            height=geometry.integer("height", 0, _LARGEST_U32),
            stride=geometry.integer("stride", 0, _LARGEST_U32),
            pfnc_pixel_format=geometry.integer("pfnc_pixel_format", 0, _LARGEST_U32),
            # Lines of older versions have no such key: there could not be any.
            max_trailing_bytes=(
                geometry.integer("max_trailing_bytes", 0, _LARGEST_U32)
                if geometry.has_value("max_trailing_bytes")
                else 0
            ),
        )
    return Recorded(
        result_id=reader.text("result_id"),
        category=reader.text("category"),
        object=reader.text("object"),
        verdict=reader.word("verdict", ("NONE", "PASS", "REVIEW", "FAIL")),
        score=reader.number("score", 0, 1),
        score_std=reader.number("score_std", 0, 1),
        map_score=reader.number("map_score", 0, 1),
        mixed_score=(
            reader.number("mixed_score", -_HIGHEST_MIXED_SCORE, _HIGHEST_MIXED_SCORE)
            if reader.has_value("mixed_score")
            else None
        ),
        mask_threshold=reader.number("mask_threshold", 0, 1),
        mask_area_fraction=reader.number("mask_area_fraction", 0, 1),
        largest_region_fraction=reader.number("largest_region_fraction", 0, 1),
        thresholds_revision=reader.object("thresholds").optional_text("revision"),
        model=provenance.optional_text("model"),
        model_digest=provenance.text("model_digest"),
        computation_digest=provenance.text("computation_digest"),
        precision=provenance.text("precision"),
        kernels=provenance.text("kernels"),
        device=provenance.text("device"),
        server_version=provenance.text("server_version"),
        seed=provenance.integer("seed", 0, _LARGEST_U64),
        samples=provenance.integer("samples", 1, (1 << 31) - 1),
        picture_sha256=picture.text("sha256"),
        raw=raw,
        significant_bits=picture.integer("significant_bits", 0, 16),
        # Lines of older versions have no such key: nothing was turned.
        apply_orientation=picture.has_value("apply_orientation") and picture.boolean("apply_orientation"),
        ran_alone=provenance.boolean("ran_alone"),
    )


def recorded_of(result: Result, like: Recorded) -> Recorded:
    """A reply to the question that `like` was the answer to, with what of the picture the reply does not tell."""
    provenance = result.provenance
    return Recorded(
        result_id=provenance.result_id,
        category=result.category,
        object=result.object,
        verdict=str(result.verdict),
        score=result.score,
        score_std=result.score_std,
        map_score=result.map_score,
        mixed_score=result.mixed_score,
        mask_threshold=result.thresholds.mask,
        mask_area_fraction=result.mask_area_fraction,
        largest_region_fraction=result.largest_region_fraction,
        thresholds_revision=result.thresholds.revision,
        model=provenance.model,
        model_digest=provenance.model_digest,
        computation_digest=provenance.computation_digest,
        precision=provenance.precision,
        kernels=provenance.kernels,
        device=provenance.device,
        server_version=provenance.server_version,
        seed=provenance.seed,
        samples=provenance.samples,
        picture_sha256=provenance.picture_sha256,
        raw=like.raw,
        significant_bits=like.significant_bits,
        apply_orientation=like.apply_orientation,
        ran_alone=provenance.ran_alone,
    )
