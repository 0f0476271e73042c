"""Pictures that the demo folder lacks: raw pixels of every format, 16-bit files, damaged ones, too large ones.

Everything is made from a fixed pattern, so that each run, and each driver, gets the same bytes.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from driver import REPOSITORY
from numpy.typing import NDArray

IMAGES = REPOSITORY / "assets" / "demo" / "images"
Frame = dict[str, Any]  # the fields "image" or "raw" of a job's frame


def pattern(height: int, width: int, seed: int = 7) -> NDArray[np.uint16]:
    """Gray values of 16 bits: a gradient, noise over it, and a bright spot."""
    rows, columns = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(seed).integers(0, 4096, (height, width))
    spot = 20000 * ((rows - height / 3) ** 2 + (columns - width / 2) ** 2 < (min(height, width) / 8) ** 2)
    return np.clip(20000 * columns / width + 10000 * rows / height + noise + spot, 0, 65535).astype(np.uint16)


def _pairs(values: NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    """GigE Vision's "Packed": two samples in three bytes, the low bits of both in the middle one."""
    assert values.shape[1] % 2 == 0, "two pixels share a byte"
    low = bits - 8
    mask = (1 << low) - 1
    first, second = values[:, 0::2], values[:, 1::2]
    triples = (first >> low, (first & mask) | ((second & mask) << 4), second >> low)
    return np.stack(triples, axis=2).astype(np.uint8).reshape(len(values), -1)


def _bit_stream(values: NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    """PFNC's "p": the bits follow each other, the least significant first."""
    single = (values[:, :, None] >> np.arange(bits)) & 1
    return np.packbits(single.astype(np.uint8).reshape(len(values), -1), axis=1, bitorder="little")


def _rows(pixel_format: str, values: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """The pattern's rows as bytes, by the format's name in PFNC."""
    height = len(values)
    known = re.fullmatch(
        r"(Mono|Bayer[RGB]{2}|RGB|BGR|RGBa|BGRa|YUV422_|YCbCr422_)(\d+)(p|Packed|_UYVY|)", pixel_format
    )
    assert known is not None, pixel_format
    kind, bits, layout = known[1], int(known[2]), known[3]
    if kind.endswith("422_"):
        gray = (values >> 8).astype(np.uint8)
        chroma = np.where(np.arange(values.shape[1]) % 2, 90, 180).astype(np.uint8) + np.zeros_like(gray)
        pair = [chroma, gray] if layout == "_UYVY" else [gray, chroma]
        return np.stack(pair, axis=2).reshape(height, -1)
    deep = values >> (16 - bits)
    if layout == "Packed":
        return _pairs(deep, bits)
    if layout == "p":
        return _bit_stream(deep, bits)
    most = (1 << bits) - 1
    channels = [deep, np.roll(deep, 3, axis=1), most - deep, np.full_like(deep, 200)]
    count = 1 if kind.startswith(("Mono", "Bayer")) else len(kind)
    rows = np.stack(channels[:count], axis=2).reshape(height, -1)
    return rows.astype(np.uint8) if bits == 8 else rows.astype("<u2").view(np.uint8)


def raw_bytes(pixel_format: str, width: int, height: int, stride: int = 0) -> bytes:
    """Pixels of the pattern in the format; rows of `stride` bytes, the rest of each filled with 0xA5."""
    rows = _rows(pixel_format, pattern(height, width))
    if stride:
        padded = np.full((height, stride), 0xA5, dtype=np.uint8)
        padded[:, : rows.shape[1]] = rows
        rows = padded
    return rows.tobytes()


def png_bytes(values: NDArray[np.uint16] | NDArray[np.uint8]) -> bytes:
    """A PNG of gray values, or of RGB where there is a third axis; 8 or 16 bits as the values have."""
    depth = values.dtype.itemsize * 8
    color = 2 if values.ndim == 3 else 0
    rows = values.astype(f">u{depth // 8}").reshape(values.shape[0], -1)
    filtered = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], depth, color, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(filtered, 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@dataclass(frozen=True)
class Pictures:
    """Makes the pictures that cases name, each once, in `folder`."""

    folder: Path

    def _file(self, name: str, data: bytes) -> str:
        path = self.folder / name
        if not path.exists():
            path.write_bytes(data)
        return str(path)

    def frame(self, picture: dict[str, Any]) -> Frame:
        """What a case calls its picture, as a job's frame has it.

        {"demo": NAME}                        a file of the demo folder
        {"file": KIND, ...}                   a file that is made here: one of the methods below
        {"raw": FORMAT, "width", "height"}    raw pixels; "stride", "significant_bits"; "bytes_less" and "bytes_more"
                                              cut the bytes or add some, and "max_trailing_bytes" allows those
        """
        if "demo" in picture:
            return {"image": str(IMAGES / picture["demo"])}
        if "file" in picture:
            extra = {key: value for key, value in picture.items() if key != "file"}
            return {"image": getattr(self, "make_" + picture["file"])(**extra)}
        return {"raw": self._raw(**picture)}

    def _raw(
        self,
        raw: str,
        width: int,
        height: int,
        stride: int = 0,
        significant_bits: int = 0,
        bytes_less: int = 0,
        bytes_more: int = 0,
        max_trailing_bytes: int = 0,
        said: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        data = raw_bytes(raw, width, height, stride)
        data = data[: len(data) - bytes_less] + b"\xc5" * bytes_more
        name = f"{raw}-{width}x{height}-{stride}-{bytes_less}-{bytes_more}.bin"
        fields = {
            "path": self._file(name, data),
            "width": width,
            "height": height,
            "stride": stride,
            "pixel_format": raw,
            "significant_bits": significant_bits,
            "max_trailing_bytes": max_trailing_bytes,
        }
        return fields | (said or {})

    def make_png16(self, width: int = 96, height: int = 64) -> str:
        return self._file(f"gray16-{width}x{height}.png", png_bytes(pattern(height, width)))

    def make_png_rgb(self, width: int = 96, height: int = 64) -> str:
        gray = (pattern(height, width) >> 8).astype(np.uint8)
        return self._file(f"rgb-{width}x{height}.png", png_bytes(np.stack([gray, gray[:, ::-1], 255 - gray], axis=2)))

    def make_png_flat(self, width: int, height: int) -> str:
        """Few bytes, many pixels."""
        return self._file(f"flat-{width}x{height}.png", png_bytes(np.zeros((height, width), dtype=np.uint8)))

    def make_noise(self, side: int = 256) -> str:
        """A PNG that cannot be made small: about side² bytes."""
        noise = np.random.default_rng(1).integers(0, 256, (side, side), dtype=np.uint8)
        return self._file(f"noise-{side}.png", png_bytes(noise))

    def make_empty(self) -> str:
        return self._file("empty.jpg", b"")

    def make_text(self) -> str:
        return self._file("text.jpg", b"This is no picture, whatever its name says.\n" * 20)

    def make_truncated(self, source: str) -> str:
        data = (IMAGES / source).read_bytes()
        return self._file("truncated-" + Path(source).name, data[: len(data) // 2])

    def make_damaged_png(self) -> str:
        """A checksum that does not fit."""
        data = bytearray(png_bytes(pattern(64, 96)))
        data[len(data) // 2] ^= 0xFF
        return self._file("damaged.png", bytes(data))

    def make_svg(self) -> str:
        return self._file("picture.svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>')
