"""What to compute and what to send back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from bayespfl.inspection.v1 import inspection_pb2, picture_pb2

MapEncoding = Literal["float32", "png16", "png8"]
MaskEncoding = Literal["coco_rle", "png1", "png8"]
PictureEncoding = Literal["png", "jpeg"]
Resolution = Literal["frame", "model"]
Priority = Literal["high", "normal", "low"]

_MAPS = {
    "float32": picture_pb2.MAP_ENCODING_FLOAT32,
    "png16": picture_pb2.MAP_ENCODING_PNG16,
    "png8": picture_pb2.MAP_ENCODING_PNG8,
}
_MASKS = {
    "coco_rle": picture_pb2.MASK_ENCODING_COCO_RLE,
    "png1": picture_pb2.MASK_ENCODING_PNG1,
    "png8": picture_pb2.MASK_ENCODING_PNG8,
}
_PICTURES = {"png": picture_pb2.PICTURE_ENCODING_PNG, "jpeg": picture_pb2.PICTURE_ENCODING_JPEG}
_RESOLUTIONS = {"frame": picture_pb2.MAP_RESOLUTION_FRAME, "model": picture_pb2.MAP_RESOLUTION_MODEL}
_PRIORITIES = {
    "high": inspection_pb2.PRIORITY_HIGH,
    "normal": inspection_pb2.PRIORITY_NORMAL,
    "low": inspection_pb2.PRIORITY_LOW,
}


@dataclass(frozen=True)
class RegionOptions:
    """Which regions of the mask to send."""

    max_regions: int | None = None  # 0..1000, the largest first; None: 100
    max_contour_points: int | None = None  # 4..1000, contours with more are simplified; None: 64


class OptionFields(TypedDict, total=False):
    """The keyword arguments of `inspect` and `stream`: the fields of :class:`Options`."""

    object: str | None
    model: str | None
    samples: int | None
    seed: int | None
    random_seed: bool
    anomaly_map: MapEncoding | bool
    deviation_map: MapEncoding | bool
    mask: MaskEncoding | bool
    resolution: Resolution | None
    mask_threshold: float | None
    regions: RegionOptions | bool
    inspected_picture: PictureEncoding | bool
    priority: Priority | None


@dataclass(frozen=True)
class Options:
    """What to compute and what to send back. Verdict, scores and provenance are always there.

    On a stream the options of a frame go before those of the stream, field by field; a field at its default says
    nothing. The encodings only matter for the network: results have the same arrays, but for the 8 or 16 bits of a PNG.
    The server checks the values, and its message names the field.
    """

    object: str | None = (
        None  # what the picture shows, in words; None: as the category was calibrated, else the category
    )
    model: str | None = None  # None: the server's default one
    samples: int | None = None  # draws of the prompt distributions, 1..64; None: the category's, else the model's
    seed: int | None = None  # of the draws; None: the category's, else 0: the same picture, the same answer
    random_seed: bool = False  # the server draws a seed and returns it
    anomaly_map: MapEncoding | bool = False  # True: "float32"
    deviation_map: MapEncoding | bool = False  # of the unsmoothed map over the samples; True: "float32"
    mask: MaskEncoding | bool = True  # True: "coco_rle", the smallest
    resolution: Resolution | None = None  # of maps and mask; None: "frame", the picture's own
    mask_threshold: float | None = None  # 0..1, of mask and regions; None: the category's. The verdict never changes
    regions: RegionOptions | bool = False
    inspected_picture: PictureEncoding | bool = False  # True: "png", exactly the pixels that were inspected
    priority: Priority | None = None  # None: "normal"


# Returns a number of the enum that `numbers` has; its type is not the same for all of them.
def _number(kind: str, choice: str | bool, default: str, numbers: Mapping[str, Any]) -> Any:
    name = default if choice is True else choice
    if name not in numbers:
        raise ValueError(f"{kind} is {choice!r}; it may be {', '.join(map(repr, numbers))}")
    return numbers[str(name)]


def _set_number(message: inspection_pb2.InspectOptions, field: str, value: int, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{field} is {value!r}; it must be a whole number of {low}..{high}")
    setattr(message, field, value)


def _set_draws(options: Options, message: inspection_pb2.InspectOptions) -> None:
    if options.seed is not None and options.random_seed:
        raise ValueError("seed and random_seed exclude each other")
    if options.seed is not None:
        _set_number(message, "seed", options.seed, 0, 2**64 - 1)
    if options.random_seed:
        message.random_seed = True


def _set_pictures(options: Options, message: inspection_pb2.InspectOptions) -> None:
    if options.anomaly_map:
        message.anomaly_map = _number("anomaly_map", options.anomaly_map, "float32", _MAPS)
    if options.deviation_map:
        message.deviation_map = _number("deviation_map", options.deviation_map, "float32", _MAPS)
    if options.inspected_picture:
        message.inspected_picture = _number("inspected_picture", options.inspected_picture, "png", _PICTURES)
    if options.resolution is not None:
        message.resolution = _number("resolution", options.resolution, "", _RESOLUTIONS)


def _set_mask(options: Options, message: inspection_pb2.InspectOptions, inherits: bool) -> None:
    """On a frame of a stream the default says nothing, so that the stream's choice holds."""
    if options.mask is False:
        message.mask = picture_pb2.MASK_ENCODING_UNSPECIFIED
    elif not (inherits and options.mask is True):
        message.mask = _number("mask", options.mask, "coco_rle", _MASKS)
    if options.mask_threshold is not None:
        message.mask_threshold = options.mask_threshold


def _set_regions(options: Options, message: inspection_pb2.InspectOptions) -> None:
    if not options.regions:
        return
    message.regions.SetInParent()
    if isinstance(options.regions, RegionOptions):
        if options.regions.max_regions is not None:
            message.regions.max_regions = options.regions.max_regions
        if options.regions.max_contour_points is not None:
            message.regions.max_contour_points = options.regions.max_contour_points


def to_message(options: Options, category: str | None, *, inherits: bool = False) -> inspection_pb2.InspectOptions:
    """The options on the wire. `inherits`: of a frame whose stream has options of its own.

    ValueError, with a sentence, for what cannot be written; TypeError for a value of another kind.
    """
    message = inspection_pb2.InspectOptions()
    if category is not None:
        message.category = category
    if options.object is not None:
        message.object = options.object
    if options.model is not None:
        message.model = options.model
    if options.samples is not None:
        _set_number(message, "samples", options.samples, 0, 2**32 - 1)
    if options.priority is not None:
        message.priority = _number("priority", options.priority, "", _PRIORITIES)
    _set_draws(options, message)
    _set_pictures(options, message)
    _set_mask(options, message, inherits)
    _set_regions(options, message)
    return message
