"""Whether a result that was computed again is the recorded one, without a server."""

from __future__ import annotations

import dataclasses

import pytest

from bayespfl._replay import Agreement, compare
from bayespfl._result_line import Recorded

RECORDED = Recorded(
    result_id="id",
    category="leather",
    object="leather",
    verdict="PASS",
    score=0.5,
    score_std=0.125,
    map_score=0.25,
    mixed_score=None,
    mask_threshold=0.5,
    mask_area_fraction=0.5,
    largest_region_fraction=0.25,
    thresholds_revision="",
    model="model",
    model_digest="aa",
    computation_digest="cc",
    precision="fp32",
    kernels="libtorch",
    device="cpu",
    server_version="1",
    seed=1,
    samples=10,
    picture_sha256="bb",
    raw=None,
    significant_bits=0,
    apply_orientation=False,
    ran_alone=True,
)


@pytest.mark.parametrize(
    ("precision", "score", "area"),
    [("fp32", 1e-5, 1e-3), ("bf16", 5e-3, 1e-2), ("fp16", 2e-3, 1e-2), ("int8", 2e-2, 1e-2), ("", 1e-5, 1e-3)],
)
@pytest.mark.parametrize(
    ("share", "agreement"), [(0.9, Agreement.WITHIN_TOLERANCE), (1.1, Agreement.DIFFERENT)], ids=["within", "beyond"]
)
class TestTolerances:
    def test_of_scores_follow_the_recorded_precision(
        self, precision: str, score: float, area: float, share: float, agreement: Agreement
    ) -> None:
        before = dataclasses.replace(RECORDED, precision=precision)
        now = dataclasses.replace(before, score=before.score + share * score)
        assert compare(before, now).agreement == agreement

    def test_of_areas_follow_the_recorded_precision(
        self, precision: str, score: float, area: float, share: float, agreement: Agreement
    ) -> None:
        before = dataclasses.replace(RECORDED, precision=precision)
        now = dataclasses.replace(before, mask_area_fraction=before.mask_area_fraction + share * area)
        assert compare(before, now).agreement == agreement
