"""TIFF files for tests: what tifffile and Pillow write, and what other writers get wrong, made by patching bytes."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]

STRIP_OFFSETS, STRIP_BYTE_COUNTS, PHOTOMETRIC, SOFTWARE = 273, 279, 262, 305
_ENTRY = struct.Struct("<HHII")  # of a directory of a classic little-endian file: tag, type, count, value or its place


def written_by_tifffile(array: Array, photometric: str = "minisblack", **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, photometric=photometric, metadata=None, **options)
    return file.getvalue()


def written_by_pillow(picture: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, "TIFF", **options)
    return file.getvalue()


def _directory(file: bytes) -> tuple[int, list[tuple[int, int, int, int]]]:
    (start,) = struct.unpack_from("<I", file, 4)
    (count,) = struct.unpack_from("<H", file, start)
    return start, [_ENTRY.unpack_from(file, start + 2 + i * _ENTRY.size) for i in range(count)]


def with_value(file: bytes, tag: int, value: int) -> bytes:
    """The file with another value, or place of the values, of a tag that it has."""
    start, entries = _directory(file)
    place = start + 2 + [entry[0] for entry in entries].index(tag) * _ENTRY.size
    return file[: place + 8] + struct.pack("<I", value) + file[place + 12 :]


def without_tag(file: bytes, tag: int) -> bytes:
    start, entries = _directory(file)
    kept = [entry for entry in entries if entry[0] != tag]
    assert len(kept) == len(entries) - 1
    shorter = struct.pack("<H", len(kept)) + b"".join(_ENTRY.pack(*entry) for entry in kept) + bytes(4)
    return file[:start] + shorter + file[start + len(shorter) :]


def ending_with_its_last_tag(file: bytes) -> bytes:
    """The file with its directory at its end, and without the place of the next directory."""
    _, entries = _directory(file)
    moved = struct.pack("<H", len(entries)) + b"".join(_ENTRY.pack(*entry) for entry in entries)
    return file[:4] + struct.pack("<I", len(file)) + file[8:] + moved


def of_samples(rows: Array, width: int, bits: int, **options: Any) -> bytes:
    """A file whose rows of bytes hold `width` packed samples of `bits` bits."""
    file = written_by_tifffile(rows, **options)
    return with_value(with_value(file, 256, width), 258, bits)


def of_tiles(picture: Array, side: int) -> bytes:
    """Gray in uncompressed tiles of any side; tifffile writes multiples of 16 alone."""
    height, width = picture.shape
    down, across = -(-height // side), -(-width // side)
    padded = np.zeros((down * side, across * side), np.uint8)
    padded[:height, :width] = picture
    tiles = [
        padded[y : y + side, x : x + side].tobytes() for y in range(0, height, side) for x in range(0, width, side)
    ]
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (277, 1), (322, side), (323, side)]
    places = 8 + 2 + (len(tags) + 2) * _ENTRY.size + 4
    data = places + 8 * len(tiles)
    directory = b"".join(_ENTRY.pack(tag, 4, 1, value) for tag, value in tags)
    directory += _ENTRY.pack(324, 4, len(tiles), places) + _ENTRY.pack(325, 4, len(tiles), places + 4 * len(tiles))
    offsets = struct.pack(f"<{len(tiles)}I", *range(data, data + len(tiles) * side * side, side * side))
    counts = struct.pack(f"<{len(tiles)}I", *[side * side] * len(tiles))
    head = b"II*\0" + struct.pack("<IH", 8, len(tags) + 2)
    return head + directory + bytes(4) + offsets + counts + b"".join(tiles)
