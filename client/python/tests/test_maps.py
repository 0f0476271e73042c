"""Maps, masks and PNG files."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bayespfl import _png
from bayespfl._maps import decode_map, decode_mask
from bayespfl.inspection.v1 import picture_pb2

RANDOM = np.random.default_rng(1)


def coco_counts(mask: NDArray[Any]) -> bytes:
    """COCO's own way (pycocotools, rleToString), a number at a time."""
    flat = mask.T.reshape(-1)
    runs, inside, length = [], False, 0
    for pixel in flat:
        if bool(pixel) != inside:
            runs.append(length)
            inside, length = bool(pixel), 0
        length += 1
    runs.append(length)
    out = bytearray()
    for i, run in enumerate(runs):
        x = run - runs[i - 2] if i > 2 else run
        more = True
        while more:
            c = x & 0x1F
            x >>= 5
            more = x != -1 if c & 0x10 else x != 0
            out.append((c | 0x20 if more else c) + 48)
    return bytes(out)


MASKS = [
    np.zeros((3, 5), bool),
    np.ones((4, 1), bool),
    np.eye(7, 9, dtype=bool),
    RANDOM.random((37, 53)) > 0.5,
    np.kron(RANDOM.random((5, 4)) > 0.5, np.ones((90, 110))).astype(bool),
]


@pytest.mark.parametrize("mask", MASKS, ids=lambda mask: str(mask.shape))
def test_reads_cocos_run_lengths(mask: NDArray[Any]) -> None:
    message = picture_pb2.Mask(
        encoding=picture_pb2.MASK_ENCODING_COCO_RLE,
        width=mask.shape[1],
        height=mask.shape[0],
        data=coco_counts(mask),
        area_pixels=int(mask.sum()),
    )

    decoded = decode_mask(message)

    assert decoded.dtype == np.bool_
    assert np.array_equal(decoded, mask)
    assert not decoded.flags.writeable


@pytest.mark.parametrize("data", [b"", b"~", b"P", b"1", b"oooooooo0", b"O0"])
def test_refuses_run_lengths_that_make_no_mask(data: bytes) -> None:
    message = picture_pb2.Mask(encoding=picture_pb2.MASK_ENCODING_COCO_RLE, width=4, height=4, data=data)

    with pytest.raises(ValueError, match="run length"):
        decode_mask(message)


def test_refuses_a_mask_of_another_area() -> None:
    mask = np.eye(4, dtype=bool)
    message = picture_pb2.Mask(
        encoding=picture_pb2.MASK_ENCODING_COCO_RLE, width=4, height=4, data=coco_counts(mask), area_pixels=5
    )

    with pytest.raises(ValueError, match="4 pixels inside, and should have 5"):
        decode_mask(message)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, interlace: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_reads_one_bit_masks_and_their_padding() -> None:
    file = png(10, 2, 1, 0, b"\x00\xff\x80" + b"\x00\x00\x40")
    message = picture_pb2.Mask(encoding=picture_pb2.MASK_ENCODING_PNG1, width=10, height=2, data=file, area_pixels=10)

    decoded = decode_mask(message)

    assert decoded.tolist() == [[True] * 9 + [False], [False] * 9 + [True]]


def filtered(pixels: NDArray[Any], kind: int, step: int) -> bytes:
    """Rows as the PNG specification filters them, a byte at a time."""
    rows = pixels.reshape(len(pixels), -1).astype(np.uint8)
    out = bytearray()
    for y in range(len(rows)):
        out.append(kind)
        for x in range(rows.shape[1]):
            a = int(rows[y, x - step]) if x >= step else 0
            b = int(rows[y - 1, x]) if y else 0
            c = int(rows[y - 1, x - step]) if y and x >= step else 0
            p = a + b - c
            nearest = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            out.append((int(rows[y, x]) - [0, a, b, (a + b) // 2, nearest][kind]) & 0xFF)
    return bytes(out)


@pytest.mark.parametrize("kind", range(5))
def test_undoes_every_filter(kind: int) -> None:
    pixels = RANDOM.integers(0, 256, (9, 11, 3), np.uint8)

    decoded = _png.decode(png(11, 9, 8, 2, filtered(pixels, kind, 3)), (11, 9))

    assert np.array_equal(decoded, pixels)


def test_reads_maps_of_every_encoding() -> None:
    values = RANDOM.integers(0, 65536, (6, 5), np.uint16)
    sixteen = png(5, 6, 16, 0, filtered(values.astype(">u2").view(np.uint8).reshape(6, 10), 1, 2))
    message = picture_pb2.PixelMap(encoding=picture_pb2.MAP_ENCODING_PNG16, width=5, height=6, data=sixteen)
    assert np.array_equal(decode_map(message), values.astype(np.float32) / np.float32(65535))

    eight = _png.encode_gray8((values >> 8).astype(np.uint8))
    message = picture_pb2.PixelMap(encoding=picture_pb2.MAP_ENCODING_PNG8, width=5, height=6, data=eight)
    assert np.array_equal(decode_map(message), (values >> 8).astype(np.float32) / np.float32(255))

    floats = RANDOM.random((6, 5), np.float32)
    message = picture_pb2.PixelMap(encoding=picture_pb2.MAP_ENCODING_FLOAT32, width=5, height=6, data=floats.tobytes())
    decoded = decode_map(message)
    assert np.array_equal(decoded, floats)
    assert not decoded.flags.writeable


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"width": 0}, "a map of 0 x 2 pixels"),
        ({"width": 3}, "has 16 bytes"),
        ({"encoding": 9}, "unknown encoding 9"),
        ({"encoding": picture_pb2.MAP_ENCODING_PNG8}, "no readable PNG: no PNG signature"),
        (
            {"encoding": picture_pb2.MAP_ENCODING_PNG8, "data": _png.encode_gray8(np.zeros((3, 3), np.uint8))},
            "3 x 3 pixels, not 2 x 2",
        ),
        (
            {"encoding": picture_pb2.MAP_ENCODING_PNG16, "data": _png.encode_gray8(np.zeros((2, 2), np.uint8))},
            "a PNG of uint8, not of uint16",
        ),
    ],
)
def test_refuses_maps_that_are_not_what_they_say(changes: dict[str, object], sentence: str) -> None:
    fields: dict[str, object] = {
        "encoding": picture_pb2.MAP_ENCODING_FLOAT32,
        "width": 2,
        "height": 2,
        "data": bytes(16),
    }
    message = picture_pb2.PixelMap(**(fields | changes))  # type: ignore[arg-type]

    with pytest.raises(ValueError, match=sentence):
        decode_map(message)


GOOD_PNG = _png.encode_gray8(np.arange(12, dtype=np.uint8).reshape(3, 4))


@pytest.mark.parametrize(
    "damaged",
    [
        GOOD_PNG[:-1],
        GOOD_PNG[:40],
        GOOD_PNG[:20] + b"\x07" + GOOD_PNG[21:],
        png(4, 3, 8, 0, b"\x00" * 14),
        png(4, 3, 8, 0, b"\x00" * 16),
        png(4, 3, 8, 0, b"\x05\x00\x00\x00\x00" * 3),
        png(4, 3, 8, 0, b"\x00" * 15, interlace=1),
        png(4, 3, 8, 3, b"\x00" * 15),
        png(0, 3, 8, 0, b""),
        png(3, 4, 8, 0, b"\x00" * 16),
    ],
)
def test_refuses_damaged_png_files(damaged: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        _png.decode(damaged, (4, 3))


def test_sets_nothing_aside_for_a_png_of_another_size_than_was_said() -> None:
    row = zlib.compress(b"\x00" + bytes(1 << 19))
    header = struct.pack(">IIBBBBB", 1 << 19, 1 << 19, 8, 0, 0, 0, 0)
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", row) + chunk(b"IEND", b"")
    message = picture_pb2.PixelMap(encoding=picture_pb2.MAP_ENCODING_PNG8, width=3, height=2, data=file)

    with pytest.raises(ValueError, match="524288 x 524288 pixels, not 3 x 2"):
        decode_map(message)


def test_what_it_writes_others_read() -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow checks our PNG files; it is not in this environment")
    gray = RANDOM.integers(0, 256, (17, 19), np.uint8)

    assert np.array_equal(np.asarray(image.open(io.BytesIO(_png.encode_gray8(gray)))), gray)


def test_sixteen_bit_colours_keep_all_their_bits() -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV reads 16-bit colours; it is not in this environment")
    pixels = RANDOM.integers(0, 65536, (13, 7, 3), np.uint16)

    read = cv2.imdecode(np.frombuffer(_png.encode_rgb16(pixels), np.uint8), cv2.IMREAD_UNCHANGED)

    assert np.array_equal(read[:, :, ::-1], pixels)
