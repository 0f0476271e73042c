"""The picture as inspected with what was found on it, drawn with Pillow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from bayespfl._text import one_line
from bayespfl.results import Result, Verdict

_LARGEST_ALPHA = 0.8  # of the colours where the map is 1: some of the picture always shows
_BACKGROUND = (26, 28, 32)
_INK = (240, 240, 240)
_UNIT_SIDE = 512  # pixels: lines are one unit wide on a picture of 512 x 512

# Every 15th of OpenCV's 256 colours "inferno": perceptually even, growing in lightness, and readable with every kind of
# colour blindness.
_INFERNO = np.array(
    [
        (0, 0, 4),
        (10, 7, 34),
        (30, 12, 69),
        (56, 9, 98),
        (81, 14, 108),
        (105, 22, 110),
        (128, 31, 108),
        (152, 39, 102),
        (176, 49, 91),
        (198, 61, 77),
        (217, 77, 61),
        (233, 97, 43),
        (244, 121, 24),
        (250, 148, 7),
        (252, 176, 20),
        (248, 205, 55),
        (242, 234, 105),
        (252, 255, 164),
    ],
    np.float32,
)


def colours(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """[..., 3] R, G, B, 0..255, of values 0..1."""
    places = np.linspace(0, 1, len(_INFERNO))
    channels = [np.interp(levels, places, _INFERNO[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def _stretched(map_: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    levels = Image.fromarray(np.clip(map_, 0, 1).astype(np.float32))
    return np.asarray(levels.resize(size, Image.Resampling.BILINEAR), np.float32)


def _blend(picture: NDArray[np.uint8], map_: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The map's colours over the picture, the more opaque the higher the map: what is good stays visible."""
    levels = np.clip(_stretched(map_, (picture.shape[1], picture.shape[0])), 0, 1)
    alpha = (_LARGEST_ALPHA * levels)[..., np.newaxis]
    blended = picture * (1 - alpha) + colours(levels) * alpha
    rounded: NDArray[np.uint8] = np.rint(blended).astype(np.uint8)
    return rounded


def _outline(mask: NDArray[np.bool_], size: tuple[int, int], width: int) -> NDArray[np.bool_]:
    """The edge of the mask stretched to `size`, `width` pixels to either side."""
    inside = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.NEAREST)
    grown = inside.filter(ImageFilter.MaxFilter(2 * width + 1))
    shrunk = inside.filter(ImageFilter.MinFilter(2 * width + 1))
    edge: NDArray[np.bool_] = np.asarray(grown) != np.asarray(shrunk)
    return edge


def caption(result: Result) -> str:
    """ "leather: FAIL by score; score 0.984, map 0.974"."""
    verdict = "no verdict" if result.verdict is Verdict.NONE else str(result.verdict)
    by = f" by {result.decided_by}" if result.decided_by is not None else ""
    return f"{one_line(result.category)}: {verdict}{by}; score {result.score:.3f}, map {result.map_score:.3f}"


def draw(result: Result) -> Image.Image:
    """See :meth:`bayespfl.Result.overlay`."""
    picture = np.array(result.inspected_pixels())
    height, width = picture.shape[:2]
    unit = max(1, round(np.sqrt(width * height) / _UNIT_SIDE))
    if result.anomaly_map is not None:
        picture = _blend(picture, result.anomaly_map)
    if result.mask is not None:
        # White with a black core: one of them stands out wherever the outline runs.
        picture[_outline(result.mask, (width, height), 2 * unit)] = 255
        picture[_outline(result.mask, (width, height), unit)] = 0
    text_height = 20 * unit
    canvas = Image.new("RGB", (width, height + text_height), _BACKGROUND)
    canvas.paste(Image.fromarray(picture), (0, 0))
    words = _words(caption(result), unit)
    if words.width > width - 8 * unit:
        words = words.resize((max(1, width - 8 * unit), max(1, words.height * (width - 8 * unit) // words.width)))
    canvas.paste(Image.new("RGB", words.size, _INK), (4 * unit, height + (text_height - words.height) // 2), words)
    return canvas


def _words(text: str, unit: int) -> Image.Image:
    """The text as a picture of how much ink is where ("L"). Pillow's own font has Latin letters only; others become ?."""
    drawable = text.encode("latin-1", "replace").decode("latin-1")
    measure = ImageDraw.Draw(Image.new("L", (1, 1)))
    left, top, right, bottom = measure.textbbox((0, 0), drawable)
    ink = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2), 0)
    ImageDraw.Draw(ink).text((1 - left, 1 - top), drawable, fill=255)
    return ink.resize((ink.width * unit, ink.height * unit), Image.Resampling.BICUBIC)
