"""PNG files, as far as this package needs them: 16-bit RGB out; gray of 1, 8 and 16 bits and 8-bit RGB in.

Pillow is optional and cannot write 16-bit RGB at all; with zlib and numpy it is little enough.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GRAY, _RGB = 0, 2
_COMPRESSION = 1  # of zlib: pictures are sent once, and fast


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def encode_rgb16(pixels: NDArray[np.uint16]) -> bytes:
    """A PNG file of [H, W, 3] 16-bit R, G, B."""
    height, width, _ = pixels.shape
    rows = np.ascontiguousarray(pixels, dtype=">u2").view(np.uint8).reshape(height, width * 6)
    # Filter 2 (up) of every row but the first: what lies above predicts well, and it is one subtraction.
    filtered = rows.copy()
    filtered[1:] -= rows[:-1]
    filters = np.full((height, 1), 2, np.uint8)
    filters[0] = 0
    data = zlib.compress(np.hstack([filters, filtered]).tobytes(), _COMPRESSION)
    header = struct.pack(">IIBBBBB", width, height, 16, _RGB, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def encode_gray8(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of [H, W] 8-bit gray."""
    height, width = pixels.shape
    lines = np.hstack([np.zeros((height, 1), np.uint8), pixels])
    header = struct.pack(">IIBBBBB", width, height, 8, _GRAY, 0, 0, 0)
    data = zlib.compress(lines.tobytes(), _COMPRESSION)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    """Header and compressed pixels; ValueError for what is no sound PNG."""
    if not data.startswith(_SIGNATURE):
        raise ValueError("no PNG signature")
    header = b""
    pixels = []
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + size]
        checksum = data[at + 8 + size : at + 12 + size]
        if len(body) != size or checksum != struct.pack(">I", zlib.crc32(kind + body)):
            raise ValueError("a chunk is cut off or damaged")
        if kind == b"IHDR":
            header = body
        elif kind == b"IDAT":
            pixels.append(body)
        elif kind == b"IEND":
            return header, b"".join(pixels)
        at += 12 + size
    raise ValueError("the end is missing")


def _paeth(left: int, up: int, corner: int) -> int:
    estimate = left + up - corner
    distances = (abs(estimate - left), abs(estimate - up), abs(estimate - corner))
    nearest = min(distances)
    if distances[0] == nearest:
        return left
    return up if distances[1] == nearest else corner


def _add_along(row: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Filter 1: every byte plus the decoded one `step` before it, modulo 256."""
    padded = np.zeros(-(-len(row) // step) * step, np.uint8)
    padded[: len(row)] = row
    return np.cumsum(padded.reshape(-1, step), axis=0, dtype=np.uint8).reshape(-1)[: len(row)]


def _one_by_one(row: NDArray[np.uint8], above: NDArray[np.uint8], step: int, paeth: bool) -> NDArray[np.uint8]:
    """Filters 3 and 4, where each byte needs the one before it: a loop."""
    out = bytearray(row.tobytes())
    up = above.tobytes()
    for i in range(len(out)):
        left = out[i - step] if i >= step else 0
        if paeth:
            corner = up[i - step] if i >= step else 0
            out[i] = (out[i] + _paeth(left, up[i], corner)) & 0xFF
        else:
            out[i] = (out[i] + (left + up[i]) // 2) & 0xFF
    return np.frombuffer(bytes(out), np.uint8)


def _unfilter(data: bytes, height: int, stride: int, step: int) -> NDArray[np.uint8]:
    """The rows' bytes, [height, stride], from the filtered ones with a filter byte before each."""
    filtered = np.frombuffer(data, np.uint8)
    if filtered.size != height * (stride + 1):
        raise ValueError("it has more or fewer pixels than its header says")
    lines = filtered.reshape(height, stride + 1)
    rows = np.empty((height, stride), np.uint8)
    above = np.zeros(stride, np.uint8)
    for y in range(height):
        kind, row = int(lines[y, 0]), lines[y, 1:]
        if kind == 0:
            rows[y] = row
        elif kind == 1:
            rows[y] = _add_along(row, step)
        elif kind == 2:
            np.add(row, above, out=rows[y])
        elif kind in (3, 4):
            rows[y] = _one_by_one(row, above, step, paeth=kind == 4)
        else:
            raise ValueError(f"there is no filter {kind}")
        above = rows[y]
    return rows


def decode(data: bytes, expected_size: tuple[int, int]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The pixels of a gray (1, 8 or 16 bits: [H, W]) or 8-bit RGB PNG ([H, W, 3]); of one bit 0 and 1.

    ValueError: damaged, interlaced, of another kind, or not of `expected_size` (width, height), which is known before
    anything is set aside for its pixels.
    """
    header, compressed = _chunks(data)
    if len(header) != 13:
        raise ValueError("the header is damaged")
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", header)
    if (width, height) != expected_size:
        raise ValueError(f"it has {width} x {height} pixels, not {expected_size[0]} x {expected_size[1]}")
    if interlace or (colour, depth) not in ((_GRAY, 1), (_GRAY, 8), (_GRAY, 16), (_RGB, 8)):
        raise ValueError(f"colour type {colour} with {depth} bits{' interlaced' if interlace else ''} is not expected")
    bits = depth * (3 if colour == _RGB else 1)
    stride = (width * bits + 7) // 8
    expected = height * (stride + 1)
    inflate = zlib.decompressobj()
    try:
        pixels = inflate.decompress(compressed, expected + 1)
    except zlib.error as error:
        raise ValueError(f"its pixels are damaged: {error}") from error
    rows = _unfilter(pixels, height, stride, max(1, bits // 8))
    if depth == 1:
        return np.unpackbits(rows, axis=1)[:, :width]
    if depth == 16:
        return rows.view(">u2").astype(np.uint16)
    return rows.reshape(height, width, 3) if colour == _RGB else rows
