"""Results, errors and models as a server might have given them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import grpc

from bayespfl.errors import ErrorDetails, ErrorReason, InspectionError
from bayespfl.errors import make_error as _make
from bayespfl.results import (
    CalibratedCategory,
    DecisionLine,
    DecisionRule,
    FrameInfo,
    Model,
    Provenance,
    Result,
    Thresholds,
    ThresholdSource,
    Verdict,
)

_THRESHOLDS = Thresholds(
    source=ThresholdSource.CATEGORY,
    revision="0123456789ab",
    mask=0.5,
    min_region_fraction=0.0005,
    lines=(DecisionLine(DecisionRule.SCORE, 0.4, 0.6), DecisionLine(DecisionRule.MAP_SCORE, 0.7, 0.8)),
)

_RESULT = Result(
    verdict=Verdict.PASS,
    decided_by=None,
    score=0.1,
    score_std=0.01,
    map_score=0.2,
    mixed_score=0.5,
    category="metal nut",
    object="metal nut",
    thresholds=_THRESHOLDS,
    mask_area_fraction=0.0,
    largest_region_fraction=0.0,
    width=640,
    height=480,
    mask=None,
    mask_area_pixels=None,
    anomaly_map=None,
    deviation_map=None,
    regions=(),
    regions_total=None,
    inspected_picture=None,
    provenance=Provenance(
        result_id="0190b2a6-0000-7000-8000-000000000000",
        model="fake",
        model_digest="0" * 64,
        computation_digest="0" * 64,
        model_version="1.0.0+000000000000",
        precision="fp32",
        kernels="none",
        device="cpu",
        server_version="fake",
        thresholds_revision=_THRESHOLDS.revision,
        seed=0,
        samples=8,
        picture_sha256="0" * 64,
        ran_alone=True,
    ),
    frame=FrameInfo(frame_id="fake", camera_id="", part_id="", capture_time=None, attempt=0),
    timings={"total": 0.01},
)

_CODES = {
    ErrorReason.QUEUE_FULL: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ErrorReason.BYTES_FULL: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ErrorReason.STREAMS_FULL: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ErrorReason.RATE_LIMITED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ErrorReason.FRAME_TOO_LARGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ErrorReason.MESSAGE_TOO_LARGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ErrorReason.MODEL_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    ErrorReason.NOT_READY: grpc.StatusCode.UNAVAILABLE,
    ErrorReason.DRAINING: grpc.StatusCode.UNAVAILABLE,
    ErrorReason.NO_REPLICA: grpc.StatusCode.UNAVAILABLE,
    ErrorReason.MAX_STREAM_AGE: grpc.StatusCode.UNAVAILABLE,
    ErrorReason.DEADLINE_EXCEEDED: grpc.StatusCode.DEADLINE_EXCEEDED,
    ErrorReason.CANCELLED: grpc.StatusCode.CANCELLED,
    ErrorReason.DEVICE_FAILED: grpc.StatusCode.INTERNAL,
    ErrorReason.INTERNAL: grpc.StatusCode.INTERNAL,
    ErrorReason.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    ErrorReason.PERMISSION_DENIED: grpc.StatusCode.PERMISSION_DENIED,
    ErrorReason.DEVICE_HUNG: grpc.StatusCode.UNAVAILABLE,
    ErrorReason.UNSPECIFIED: grpc.StatusCode.UNAVAILABLE,  # nobody answered
}


def make_result(**changes: Any) -> Result:
    """A PASS of a metal nut, with the given fields of :class:`Result` instead."""
    return replace(_RESULT, **changes)


def make_error(
    reason: ErrorReason, message: str = "as the test wants it", *, retry_after: float | None = None
) -> InspectionError:
    """The error that a server with this reason raises; UNSPECIFIED: that nobody answers."""
    code = _CODES.get(reason, grpc.StatusCode.INVALID_ARGUMENT)
    from_server = reason is not ErrorReason.UNSPECIFIED
    return _make(
        message, ErrorDetails(code, reason, retry_after=retry_after, from_server=from_server, request_id="fake")
    )


def make_model(**changes: Any) -> Model:
    """A model with one calibrated category, with the given fields of :class:`Model` instead."""
    category = CalibratedCategory("metal nut", "metal nut", _THRESHOLDS, 0, 8, 100, 0.01, 0.05, None)
    model = Model(
        name="fake",
        is_default=True,
        package_name="fake",
        version="1.0.0+000000000000",
        digest="0" * 64,
        computation_digest="0" * 64,
        kind="bayes-pfl",
        device="cpu",
        precision="fp32",
        kernels="none",
        stage=2,
        image_size=518,
        default_samples=8,
        max_samples=64,
        map_smoothing_sigma=4.0,
        iad_sampling="request",
        default_thresholds=Thresholds(ThresholdSource.DEFAULT, "", 0.5, 0.0005, ()),
        categories=(category,),
        categories_total=1,
    )
    return replace(model, **changes)
