"""Maps and masks of a reply as arrays. ValueError, with a sentence, for those that cannot be read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayespfl import _png
from bayespfl.inspection.v1 import picture_pb2

_MAX_PIXELS = 1 << 31


def _check_size(what: str, width: int, height: int) -> None:
    if width < 1 or height < 1 or width * height > _MAX_PIXELS:
        raise ValueError(f"{what} of {width} x {height} pixels")


def _png_of(what: str, data: bytes, width: int, height: int, dtype: type) -> NDArray[np.uint8] | NDArray[np.uint16]:
    try:
        pixels = _png.decode(data, (width, height))
    except ValueError as error:
        raise ValueError(f"{what} is no readable PNG: {error}") from error
    if pixels.ndim != 2 or pixels.dtype != dtype:
        colours = "in colours " if pixels.ndim != 2 else ""
        raise ValueError(f"{what} is a PNG {colours}of {pixels.dtype}, not of {dtype.__name__} as it says")
    return pixels


def decode_map(message: picture_pb2.PixelMap) -> NDArray[np.float32]:
    """[H, W] float32, 0..1; of a PNG value / 255 or value / 65535 in single precision. Read-only."""
    width, height, data = message.width, message.height, message.data
    _check_size("a map", width, height)
    if message.encoding == picture_pb2.MAP_ENCODING_FLOAT32:
        if len(data) != 4 * width * height:
            raise ValueError(f"a float map of {width} x {height} has {len(data)} bytes")
        values = np.frombuffer(data, "<f4").reshape(height, width).astype(np.float32, copy=False)
    elif message.encoding == picture_pb2.MAP_ENCODING_PNG8:
        values = _png_of("a map", data, width, height, np.uint8).astype(np.float32) / np.float32(255)
    elif message.encoding == picture_pb2.MAP_ENCODING_PNG16:
        values = _png_of("a map", data, width, height, np.uint16).astype(np.float32) / np.float32(65535)
    else:
        raise ValueError(f"a map has the unknown encoding {message.encoding}")
    values.flags.writeable = False
    return values


def _coco_counts(data: bytes) -> NDArray[np.int64]:
    """The run lengths in COCO's compressed string: 5 bits a character and a bit for "goes on", from the low end; signed;
    from the fourth on as the difference to the run two before."""
    codes = np.frombuffer(data, np.uint8).astype(np.int64) - 48
    if codes.size == 0 or codes.min() < 0 or codes.max() > 63 or codes[-1] & 0x20:
        raise ValueError("a mask's run lengths hold a character that there cannot be")
    last = (codes & 0x20) == 0  # of each number
    ends = np.flatnonzero(last)
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    if lengths.max() > 7:
        raise ValueError("a mask has a run length of more than 32 bits")
    place = np.arange(codes.size) - np.repeat(starts, lengths)
    numbers = np.add.reduceat((codes & 0x1F) << (5 * place), starts)
    negative = (codes[ends] & 0x10) != 0
    numbers -= negative.astype(np.int64) << (5 * lengths)
    # counts[i] = numbers[i] + counts[i - 2] for i > 2: two sums, over the odd places from 1 and the even ones from 2.
    counts = numbers.copy()
    counts[1::2] = np.cumsum(numbers[1::2])
    counts[2::2] = np.cumsum(numbers[2::2])
    return counts


def _decode_coco(data: bytes, width: int, height: int) -> NDArray[np.bool_]:
    counts = _coco_counts(data)
    if counts.min() < 0 or int(counts.sum()) != width * height:
        raise ValueError(f"a mask's run lengths do not make {width} x {height} pixels")
    inside = np.arange(counts.size) % 2 == 1
    return np.ascontiguousarray(np.repeat(inside, counts).reshape(width, height).T)


def decode_mask(message: picture_pb2.Mask) -> NDArray[np.bool_]:
    """[H, W] bool, true inside. Read-only."""
    width, height, data = message.width, message.height, message.data
    _check_size("a mask", width, height)
    if message.encoding == picture_pb2.MASK_ENCODING_COCO_RLE:
        inside = _decode_coco(data, width, height)
    elif message.encoding in (picture_pb2.MASK_ENCODING_PNG8, picture_pb2.MASK_ENCODING_PNG1):
        inside = _png_of("a mask", data, width, height, np.uint8) != 0
    else:
        raise ValueError(f"a mask has the unknown encoding {message.encoding}")
    area = int(np.count_nonzero(inside))
    if area != message.area_pixels:
        raise ValueError(f"a mask has {area} pixels inside, and should have {message.area_pixels}")
    inside.flags.writeable = False
    return inside
