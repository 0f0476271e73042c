"""What comes back, as frozen, typed values. Arrays are read-only, so that results may be shared between threads.

Pictures have their origin in the upper left corner; arrays are indexed [row, column], and x goes to the right, y down.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayespfl import _png

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage


class Verdict(enum.IntEnum):
    """What the line does with the part. In the order of severity, so that `verdict >= Verdict.REVIEW` reads as meant."""

    NONE = 0  # nobody said what is good: the category is not calibrated, or with another object
    PASS = 1
    REVIEW = 2  # a person looks at it
    FAIL = 3

    def __str__(self) -> str:
        return self.name


class DecisionRule(enum.IntEnum):
    """A number of the result that lines are drawn on."""

    SCORE = 1
    MAP_SCORE = 2
    REGION_AREA = 3  # largest_region_fraction

    def __str__(self) -> str:
        return self.name.lower()


class ThresholdSource(enum.IntEnum):
    """Who drew the lines."""

    UNKNOWN = 0
    DEFAULT = 1  # nobody
    PACKAGE = 2
    CATEGORY = 3  # the category's calibration

    def __str__(self) -> str:
        return self.name.lower()


class HealthState(enum.IntEnum):
    """What a server says of itself, by grpc.health.v1."""

    UNKNOWN = 0
    SERVING = 1
    NOT_SERVING = 2  # loading its first model, stopping, or without a replica
    SERVICE_UNKNOWN = 3

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class DecisionLine:
    """Where one rule's lines are. A value that is equal to a line is not above it."""

    rule: DecisionRule
    review: float  # above it: REVIEW at least
    fail: float  # above it: FAIL


@dataclass(frozen=True)
class Thresholds:
    """What a verdict is made with."""

    source: ThresholdSource
    revision: str  # changes with every threshold; "": none
    mask: float  # 0..1, mask = map >= mask; in a result, the one of its mask and regions
    min_region_fraction: float  # 0..1, share of the picture; smaller regions do not count
    lines: tuple[DecisionLine, ...]  # in the order in which they are named as the reason; (): no verdict


@dataclass(frozen=True)
class Box:
    """A box of the picture: [x, x + width) x [y, y + height), pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, eq=False)
class Region:
    """An 8-connected part of the mask. Found at the model's size, told in pixels of the picture."""

    box: Box  # the smallest one around it
    area_pixels: float  # pixels of the picture
    area_fraction: float  # 0..1, share of the picture
    peak: float  # 0..1, greatest value of the map inside
    mean: float  # 0..1, mean of the map inside
    centroid: tuple[float, float]  # x, y; a pixel covers [x, x + 1) x [y, y + 1)
    contour: NDArray[np.float32]  # [N, 2], x and y; clockwise as seen, the first point not again at the end


@dataclass(frozen=True)
class Provenance:
    """What the answer can be had again with: `bayespfl replay` does."""

    result_id: str  # UUIDv7; also in the server's result log
    model: str
    model_digest: str  # SHA-256 over the package's files
    computation_digest: str  # over what decides scores and maps: not names, version or calibration
    model_version: str
    precision: str
    kernels: str
    device: str
    server_version: str
    thresholds_revision: str
    seed: int
    samples: int
    picture_sha256: str  # of the bytes as they were sent
    ran_alone: bool  # alone on the same machine it gives the same bits again


@dataclass(frozen=True)
class FrameInfo:
    """Where a frame came from, as it was said with it."""

    frame_id: str
    camera_id: str
    part_id: str
    capture_time: datetime | None  # UTC
    attempt: int  # how often it had been sent before


@dataclass(frozen=True)
class PictureWarning:
    """Something about a picture that is most likely not meant."""

    # "SHALLOW_SAMPLES": 16-bit samples that fill 12 bits or less. "OTHER_ORIENTATION": its EXIF data was applied, or not,
    # unlike that of the pictures the category was calibrated with. Of a newer server's reason its number.
    reason: str
    message: str


@dataclass(frozen=True, eq=False)
class Result:
    """The answer to one picture. In a notebook it shows itself."""

    verdict: Verdict
    decided_by: DecisionRule | None  # the rule that decided; None: PASS, or no verdict
    score: float  # 0..1, image-level anomaly score, mean over samples and prompts
    score_std: float  # >= 0, population deviation over the samples
    map_score: float  # 0..1, mean of the hottest 0.75 % of the unsmoothed map
    mixed_score: float | None  # 1: the highest good part; None: the calibration has no ranges
    category: str  # as used
    object: str  # words of the prompt, as used
    thresholds: Thresholds
    mask_area_fraction: float  # 0..1, share of the picture that the mask covers, at the model's size
    largest_region_fraction: float  # 0..1, by the category's own mask threshold
    width: int  # pixels of the picture
    height: int
    mask: NDArray[np.bool_] | None  # [H, W], true inside; None: not asked for
    mask_area_pixels: int | None  # pixels inside `mask`
    anomaly_map: NDArray[np.float32] | None  # [H, W], 0..1; None: not asked for
    deviation_map: NDArray[np.float32] | None  # [H, W], >= 0; None: not asked for
    regions: tuple[Region, ...]  # the largest first; (): none, or not asked for
    regions_total: int | None  # sent or not; None: not asked for
    inspected_picture: bytes | None  # PNG or JPEG, what overlays are drawn on; None: not asked for
    provenance: Provenance
    frame: FrameInfo
    timings: Mapping[str, float] = field(default_factory=dict)  # seconds of each stage; "total" is the last
    request_id: str = ""  # of the call, in the server's log
    warnings: tuple[PictureWarning, ...] = ()  # what is most likely not meant; no number is another for it

    def __getstate__(self) -> dict[str, Any]:
        """So that it can be copied, and pass from one process to another: a read-only view of a dictionary cannot."""
        return vars(self) | {"timings": dict(self.timings)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state | {"timings": MappingProxyType(state["timings"])})
        for array in (self.mask, self.anomaly_map, self.deviation_map, *(region.contour for region in self.regions)):
            if array is not None:
                read_only(array)

    def inspected_pixels(self) -> NDArray[np.uint8]:
        """The picture as it was inspected: [H, W, 3], R, G, B. A JPEG needs Pillow, and so does speed.

        ValueError: it was not asked for (`inspected_picture=True`), or is damaged; ImportError: a JPEG without Pillow.
        """
        if self.inspected_picture is None:
            raise ValueError("the result has no picture: ask for it with inspected_picture=True")
        try:
            from bayespfl import _pillow
        except ImportError:
            if not self.inspected_picture.startswith(b"\x89PNG"):
                raise
            return np.asarray(_png.decode(self.inspected_picture, (self.width, self.height)), np.uint8)
        return _pillow.decode_rgb(self.inspected_picture)

    def overlay(self) -> PillowImage:
        """The picture as inspected, with the anomaly map's colours over it (where the result has a map), the mask's
        outline, and a line that says the verdict. Pixel (x, y) of the picture is pixel (x, y) of the overlay.

        ValueError: the result has no picture (`inspected_picture=True` asks for it); ImportError, with a sentence: there
        is no Pillow.
        """
        from bayespfl import _overlay

        return _overlay.draw(self)

    def _repr_png_(self) -> bytes | None:
        """For notebooks: the overlay; None where there is no picture or no Pillow."""
        from bayespfl import _notebook

        return _notebook.png(self)

    def _repr_html_(self) -> str:
        """For notebooks: verdict and numbers, and below them the overlay where there can be one."""
        from bayespfl import _notebook

        return _notebook.html(self)


@dataclass(frozen=True)
class CalibratedCategory:
    """A category whose lines were drawn from good pictures of it."""

    category: str
    object: str  # default of its frames
    thresholds: Thresholds
    seed: int  # default of its frames
    samples: int  # default of its frames
    good_pictures: int
    fail_rate: float  # of good parts at most this share gets FAIL ...
    review_rate: float  # ... and at most this share REVIEW or FAIL
    confidence: float | None  # over the choice of the pictures; None: on average over it
    significant_bits: int = 0  # of its 16-bit pictures; its frames need the same; 0: none were said
    apply_orientation: bool = False  # its pictures were turned upright by their EXIF data; its frames need the same


@dataclass(frozen=True)
class Model:
    """A model that serves."""

    name: str
    is_default: bool
    package_name: str
    version: str
    digest: str  # SHA-256 over the package's files
    computation_digest: str  # over what decides scores and maps
    kind: str
    device: str
    precision: str
    kernels: str
    stage: int
    image_size: int  # pixels, side of its square input
    default_samples: int
    max_samples: int
    map_smoothing_sigma: float
    iad_sampling: str
    default_thresholds: Thresholds
    categories: tuple[CalibratedCategory, ...]  # (): in lists
    categories_total: int


@dataclass(frozen=True)
class ServerLimits:
    """What a server refuses beyond. None: no limit."""

    max_message_bytes: int
    max_picture_bytes: int
    max_picture_pixels: int
    max_frames_per_stream: int
    max_frames_in_flight: int
    max_streams: int
    max_streams_per_client: int | None
    max_frames_per_second_per_client: int | None
    min_ping_interval: float | None  # seconds
    max_stream_age: float | None  # seconds


@dataclass(frozen=True)
class ServerInfo:
    """What a server says of itself."""

    version: str
    limits: ServerLimits


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """The same array, marked as not to be written to."""
    array.flags.writeable = False
    return array
