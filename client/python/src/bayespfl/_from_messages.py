"""Messages of the server as results. A value of an enum that is not known here is its zero."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import grpc
import numpy as np

from bayespfl._maps import decode_map, decode_mask
from bayespfl.errors import ErrorDetails, ReplyError
from bayespfl.inspection.v1 import inspection_pb2, model_pb2, picture_pb2, verdict_pb2
from bayespfl.results import (
    Box,
    CalibratedCategory,
    DecisionLine,
    DecisionRule,
    FrameInfo,
    Model,
    PictureWarning,
    Provenance,
    Region,
    Result,
    ServerInfo,
    ServerLimits,
    Thresholds,
    ThresholdSource,
    Verdict,
    read_only,
)


def _rule(number: int) -> DecisionRule | None:
    return DecisionRule(number) if number in DecisionRule._value2member_map_ else None


def to_thresholds(message: verdict_pb2.Thresholds) -> Thresholds:
    """Lines on a rule that is not known here are left out."""
    lines = []
    for line in message.lines:
        rule = _rule(line.rule)
        if rule is not None:
            lines.append(DecisionLine(rule, line.review, line.fail))
    known = message.source in ThresholdSource._value2member_map_
    return Thresholds(
        source=ThresholdSource(message.source) if known else ThresholdSource.UNKNOWN,
        revision=message.revision,
        mask=message.mask,
        min_region_fraction=message.min_region_fraction,
        lines=tuple(lines),
    )


def _reason(number: int) -> str:
    names = inspection_pb2.WarningReason.DESCRIPTOR.values_by_number
    return names[number].name.removeprefix("WARNING_REASON_") if number in names else str(number)


def _region(message: picture_pb2.Region) -> Region:
    contour = np.array([(point.x, point.y) for point in message.contour], np.float32).reshape(-1, 2)
    return Region(
        box=Box(message.box.x, message.box.y, message.box.width, message.box.height),
        area_pixels=message.area_pixels,
        area_fraction=message.area_fraction,
        peak=message.peak,
        mean=message.mean,
        centroid=(message.centroid.x, message.centroid.y),
        contour=read_only(contour),
    )


def _provenance(message: verdict_pb2.Provenance) -> Provenance:
    return Provenance(
        result_id=message.result_id,
        model=message.model,
        model_digest=message.model_digest,
        computation_digest=message.computation_digest,
        model_version=message.model_version,
        precision=message.precision,
        kernels=message.kernels,
        device=message.device,
        server_version=message.server_version,
        thresholds_revision=message.thresholds_revision,
        seed=message.seed,
        samples=message.samples,
        picture_sha256=message.picture_sha256,
        ran_alone=message.ran_alone,
    )


def _frame(message: inspection_pb2.FrameMetadata) -> FrameInfo:
    """OverflowError: a time that there cannot be."""
    time = None
    if message.HasField("capture_time"):
        seconds, nanos = message.capture_time.seconds, message.capture_time.nanos
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        time = epoch + timedelta(seconds=seconds, microseconds=nanos // 1000)
    return FrameInfo(message.frame_id, message.camera_id, message.part_id, time, message.attempt)


def to_result(message: inspection_pb2.InspectResponse, *, request_id: str = "") -> Result:
    """The reply, its maps and mask decoded. ReplyError: one of them, or a time, cannot be read."""
    pictures: dict[str, Any] = {"anomaly_map": None, "deviation_map": None, "mask": None, "mask_area_pixels": None}
    try:
        for name in ("anomaly_map", "deviation_map"):
            if message.HasField(name):
                pictures[name] = decode_map(getattr(message, name))
        if message.HasField("mask"):
            pictures["mask"] = decode_mask(message.mask)
            pictures["mask_area_pixels"] = message.mask.area_pixels
        frame = _frame(message.metadata)
    except (ValueError, OverflowError) as error:
        # As reply_error(): something between damaged it, and another call may do better.
        details = ErrorDetails(grpc.StatusCode.UNAVAILABLE, request_id=request_id, frame_id=message.metadata.frame_id)
        raise ReplyError(f"the reply cannot be read: {error}", details) from error
    return Result(
        verdict=Verdict(message.verdict) if message.verdict in Verdict._value2member_map_ else Verdict.NONE,
        decided_by=_rule(message.decided_by),
        score=message.score,
        score_std=message.score_std,
        map_score=message.map_score,
        mixed_score=message.mixed_score if message.HasField("mixed_score") else None,
        category=message.category,
        object=message.object,
        thresholds=to_thresholds(message.thresholds),
        mask_area_fraction=message.mask_area_fraction,
        largest_region_fraction=message.largest_region_fraction,
        width=message.frame_width,
        height=message.frame_height,
        regions=tuple(_region(region) for region in message.regions),
        regions_total=message.regions_total if message.HasField("regions_total") else None,
        inspected_picture=message.inspected_picture.data if message.HasField("inspected_picture") else None,
        provenance=_provenance(message.provenance),
        frame=frame,
        timings=MappingProxyType({timing.stage: timing.seconds for timing in message.timings}),
        request_id=request_id,
        warnings=tuple(PictureWarning(_reason(warning.reason), warning.message) for warning in message.warnings),
        **pictures,
    )


def _category(message: model_pb2.CalibratedCategory) -> CalibratedCategory:
    return CalibratedCategory(
        category=message.category,
        object=message.object,
        thresholds=to_thresholds(message.thresholds),
        seed=message.seed,
        samples=message.samples,
        good_pictures=message.good_pictures,
        fail_rate=message.fail_rate,
        review_rate=message.review_rate,
        confidence=message.confidence if message.HasField("confidence") else None,
        significant_bits=message.significant_bits,
        apply_orientation=message.apply_orientation,
    )


def to_model(message: model_pb2.Model) -> Model:
    """A model as the server tells it."""
    return Model(
        name=message.name,
        is_default=message.is_default,
        package_name=message.package_name,
        version=message.version,
        digest=message.digest,
        computation_digest=message.computation_digest,
        kind=message.kind,
        device=message.device,
        precision=message.precision,
        kernels=message.kernels,
        stage=message.stage,
        image_size=message.image_size,
        default_samples=message.default_samples,
        max_samples=message.max_samples,
        map_smoothing_sigma=message.map_smoothing_sigma,
        iad_sampling=message.iad_sampling,
        default_thresholds=to_thresholds(message.default_thresholds),
        categories=tuple(_category(category) for category in message.categories),
        categories_total=message.categories_total,
    )


def to_server_info(message: inspection_pb2.GetServerInfoResponse) -> ServerInfo:
    """Version and limits of a server."""
    limits = message.limits

    def seconds(name: str) -> float | None:
        if not limits.HasField(name):
            return None
        duration = getattr(limits, name)
        return float(duration.seconds + duration.nanos / 1e9)

    return ServerInfo(
        version=message.version,
        limits=ServerLimits(
            max_message_bytes=limits.max_message_bytes,
            max_picture_bytes=limits.max_picture_bytes,
            max_picture_pixels=limits.max_picture_pixels,
            max_frames_per_stream=limits.max_frames_per_stream,
            max_frames_in_flight=limits.max_frames_in_flight,
            max_streams=limits.max_streams,
            max_streams_per_client=limits.max_streams_per_client or None,
            max_frames_per_second_per_client=limits.max_frames_per_second_per_client or None,
            min_ping_interval=seconds("min_ping_interval"),
            max_stream_age=seconds("max_stream_age"),
        ),
    )
