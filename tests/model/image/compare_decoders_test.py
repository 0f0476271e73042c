#!/usr/bin/env python3
"""DecodeImage beside Pillow and pypng, on files that this test makes, and beside what the formats' arithmetic says.

DECODE_PICTURE=build/tests/decode_picture python tests/model/image/compare_decoders_test.py
"""

from __future__ import annotations

import io
import os
import struct
import subprocess
import tempfile
import unittest
import zlib
from pathlib import Path

import numpy as np
import png
from numpy.typing import NDArray
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[3]
PROGRAM = Path(os.environ.get("DECODE_PICTURE", REPOSITORY / "build" / "tests" / "decode_picture"))

Pixels = NDArray[np.uint8]  # [height, width, 3]


def ours(file: bytes) -> Pixels | str:
    """What DecodeImage() makes of a file: its pixels, or why it refuses it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        path.write_bytes(file)
        run = subprocess.run([PROGRAM, path], capture_output=True, check=False)
    if run.returncode == 1:
        return run.stderr.decode()
    assert run.returncode == 0, run
    line, _, rest = run.stdout.partition(b"\n")
    width, height = map(int, line.split()[1:3])
    return np.frombuffer(rest, np.uint8).reshape(height, width, 3)


def pillow(file: bytes) -> Pixels:
    """Colours as stored: alpha dropped, not composited."""
    with Image.open(io.BytesIO(file)) as picture:
        return np.asarray(picture.convert("RGBA").convert("RGB"), np.uint8)


def noise(height: int, width: int, channels: int, most: int = 255) -> NDArray[np.int64]:
    random = np.random.default_rng(height * 1000 + width)
    pixels = random.integers(0, most + 1, (height, width, channels))
    pixels[: height // 2] = pixels[:1]  # something to find for run lengths and dictionaries
    return pixels


def spread(values: NDArray[np.int64], most: int) -> Pixels:
    return np.floor(255 * values / most + 0.5).astype(np.uint8)


def saved(picture: Image.Image, format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, format_, **options)
    return file.getvalue()


def bmp(
    bits: int,
    rows: list[bytes],
    width: int,
    *,
    header: int = 40,
    compression: int = 0,
    masks: tuple[int, ...] = (),
    palette: bytes = b"",
    top_down: bool = False,
) -> bytes:
    """Rows from the top down, without padding."""
    if header == 12:
        fields = struct.pack("<IHHHH", 12, width, len(rows), 1, bits)
    else:
        height = -len(rows) if top_down else len(rows)
        fields = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, 0, 0, 0, 0, 0)
        fields += struct.pack(f"<{len(masks)}I", *masks)
        fields = fields.ljust(header, b"\0")
    start = 14 + len(fields) + len(palette)
    padded = [row + b"\0" * (-len(row) % 4) for row in (rows if top_down else rows[::-1])]
    size = start + sum(map(len, padded))
    return b"BM" + struct.pack("<IHHI", size, 0, 0, start) + fields + palette + b"".join(padded)


def packed(indices: NDArray[np.int64], bits: int) -> bytes:
    ones = (indices[:, np.newaxis] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(ones.astype(np.uint8).ravel()).tobytes()


class Comparison(unittest.TestCase):
    def assert_same(self, file: bytes, *expected: Pixels, tolerance: int = 0) -> None:
        decoded = ours(file)
        if isinstance(decoded, str):
            self.fail(f"refused: {decoded}")
        for pixels in expected:
            self.assertEqual(decoded.shape, pixels.shape)
            self.assertLessEqual(np.abs(decoded.astype(int) - pixels).max(), tolerance)


class Bmp(Comparison):
    def test_palettes(self) -> None:
        for bits in (1, 4, 8):
            colors = noise(1 << bits, 1, 3)[:, 0].astype(np.uint8)
            for header in (12, 40, 64, 108, 124):
                entries = [bytes(color[::-1]) + (b"" if header == 12 else b"\0") for color in colors]
                for width in (1, 7, 8, 9, 31, 33):
                    indices = noise(5, width, 1, (1 << bits) - 1)[:, :, 0]
                    rows = [packed(row, bits) for row in indices]
                    file = bmp(bits, rows, width, header=header, palette=b"".join(entries))
                    with self.subTest(bits=bits, header=header, width=width):
                        self.assert_same(file, colors[indices], pillow(file))

    def test_24_and_32_bits(self) -> None:
        pixels = noise(9, 13, 3).astype(np.uint8)
        bgrx = np.dstack([pixels[:, :, ::-1], np.full((9, 13), 77, np.uint8)])
        for header in (12, 40, 64, 108, 124):
            for top_down in (False, True) if header != 12 else (False,):
                with self.subTest(header=header, top_down=top_down):
                    rows = [row[:, ::-1].tobytes() for row in pixels]
                    file = bmp(24, rows, 13, header=header, top_down=top_down)
                    self.assert_same(file, pixels, pillow(file))
                    if header != 12:
                        file = bmp(32, [row.tobytes() for row in bgrx], 13, header=header, top_down=top_down)
                        self.assert_same(file, pixels, pillow(file))

    def test_masks_of_32_bits(self) -> None:
        pixels = noise(9, 13, 3)
        for shifts in ((16, 8, 0), (24, 16, 8), (0, 8, 16)):
            words = sum(pixels[:, :, c].astype(np.uint32) << shifts[c] for c in range(3))
            rows = [row.astype("<u4").tobytes() for row in np.asarray(words, np.uint32)]
            masks = tuple(0xFF << shift for shift in shifts)
            for header in (40, 52, 56, 108, 124):
                file = bmp(32, rows, 13, header=header, compression=3, masks=(*masks, 0)[: 3 if header < 56 else 4])
                with self.subTest(shifts=shifts, header=header):
                    self.assert_same(file, pixels.astype(np.uint8))
                    try:
                        judged = pillow(file)
                    except OSError:
                        continue  # Pillow knows a list of layouts, we know masks
                    self.assert_same(file, judged)

    def test_16_bits(self) -> None:
        words = np.arange(65536, dtype=np.int64).reshape(256, 256)
        rows = [row.astype("<u2").tobytes() for row in words]
        five = np.dstack([spread(words >> shift & 31, 31) for shift in (10, 5, 0)])
        six = np.dstack([spread(words >> 11, 31), spread(words >> 5 & 63, 63), spread(words & 31, 31)])
        plain = bmp(16, rows, 256)
        masked = bmp(16, rows, 256, compression=3, masks=(0xF800, 0x07E0, 0x001F))
        self.assert_same(plain, five)
        self.assert_same(masked, six)
        # Pillow rounds down.
        self.assert_same(plain, pillow(plain), tolerance=1)
        self.assert_same(masked, pillow(masked), tolerance=1)

    def test_what_pillow_writes(self) -> None:
        for mode in ("1", "L", "P", "RGB", "RGBA"):
            picture = Image.fromarray(noise(21, 37, 3).astype(np.uint8)).convert(mode)
            with self.subTest(mode=mode):
                file = saved(picture, "BMP")
                self.assert_same(file, pillow(file))

    def test_run_lengths(self) -> None:
        random = np.random.default_rng(5)
        palette = random.integers(0, 256, (256, 3), np.uint8)
        entries = b"".join(bytes(color[::-1]) + b"\0" for color in palette)
        indices = np.repeat(random.integers(0, 256, (9, 7)), random.integers(1, 9, 7), axis=1)
        width = indices.shape[1]
        rows = [b"".join(bytes((1, index)) for index in row) + b"\0\0" for row in indices[::-1]]
        file = bmp(8, [b"".join(rows) + b"\0\1"], width, compression=1, palette=entries)
        file = file[:22] + struct.pack("<i", 9) + file[26:]
        self.assert_same(file, palette[indices], pillow(file))


class Png(Comparison):
    def test_every_depth_of_gray(self) -> None:
        for bits in (1, 2, 4, 8, 16):
            most = (1 << bits) - 1
            samples = noise(17, 23, 1, most)[:, :, 0]
            for interlaced in (False, True):
                file = io.BytesIO()
                png.Writer(23, 17, greyscale=True, bitdepth=bits, interlace=interlaced).write(file, samples.tolist())
                _, _, rows, _ = png.Reader(bytes=file.getvalue()).read()
                judged = spread(np.array([list(row) for row in rows], np.int64), most)
                with self.subTest(bits=bits, interlaced=interlaced):
                    expected = np.repeat(spread(samples, most)[:, :, np.newaxis], 3, axis=2)
                    self.assert_same(file.getvalue(), expected, np.repeat(judged[:, :, np.newaxis], 3, axis=2))

    def test_colors_and_alpha(self) -> None:
        for bits in (8, 16):
            most = (1 << bits) - 1
            for greyscale, alpha in ((False, False), (False, True), (True, True)):
                planes = (1 if greyscale else 3) + alpha
                samples = noise(17, 23, planes, most)
                for interlaced in (False, True):
                    file = io.BytesIO()
                    writer = png.Writer(23, 17, greyscale=greyscale, alpha=alpha, bitdepth=bits, interlace=interlaced)
                    writer.write(file, samples.reshape(17, -1).tolist())
                    _, _, rows, _ = png.Reader(bytes=file.getvalue()).read()
                    judged = np.array([list(row) for row in rows], np.int64).reshape(17, 23, planes)
                    color = [0, 0, 0] if greyscale else [0, 1, 2]
                    with self.subTest(bits=bits, greyscale=greyscale, alpha=alpha, interlaced=interlaced):
                        self.assert_same(file.getvalue(), spread(samples, most)[:, :, color])
                        self.assert_same(file.getvalue(), spread(judged, most)[:, :, color])

    def test_palettes(self) -> None:
        for bits in (1, 2, 4, 8):
            colors = noise(1 << bits, 1, 3)[:, 0]
            indices = noise(17, 23, 1, (1 << bits) - 1)[:, :, 0]
            file = io.BytesIO()
            palette = [tuple(map(int, color)) for color in colors]
            png.Writer(23, 17, palette=palette, bitdepth=bits).write(file, indices.tolist())
            with self.subTest(bits=bits):
                self.assert_same(file.getvalue(), colors.astype(np.uint8)[indices], pillow(file.getvalue()))

    def test_whole_files_that_look_odd(self) -> None:
        pixels = np.tile(noise(4, 300, 3).astype(np.uint8), (20, 1, 1))
        raw = b"".join(b"\0" + row.tobytes() for row in pixels)
        data = zlib.compress(raw, 9)
        small_window = bytes((0x08, 0x1D)) + data[2:]

        def chunk(name: bytes, content: bytes) -> bytes:
            return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

        header = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 300, 80, 8, 2, 0, 0, 0))
        end = chunk(b"IEND", b"")
        files = {
            "plain": header + chunk(b"IDAT", data) + end,
            "a window that is too small": header + chunk(b"IDAT", small_window) + end,
            "empty data": header + chunk(b"IDAT", b"") + chunk(b"IDAT", data) + chunk(b"IDAT", b"") + end,
            "bytes behind the end": header + chunk(b"IDAT", data) + end + b"junk" * 50,
            "no end": header + chunk(b"IDAT", data),
            "an end cut short": header + chunk(b"IDAT", data) + end[:5],
            "more rows than its height": header + chunk(b"IDAT", zlib.compress(raw + raw)) + end,
            "significant bits": header + chunk(b"sBIT", b"\5\6\5") + chunk(b"IDAT", data) + end,
            "a transparent colour": header + chunk(b"tRNS", bytes(6)) + chunk(b"IDAT", data) + end,
            "a suggested palette": header + chunk(b"PLTE", bytes(30)) + chunk(b"IDAT", data) + end,
        }
        for name, file in files.items():
            with self.subTest(name):
                self.assert_same(file, pixels, pillow(file))


class Jpeg(Comparison):
    # Decoders may differ in the last bit of their transforms.
    def test_what_pillow_writes(self) -> None:
        pixels = np.kron(noise(6, 9, 3), np.ones((9, 7, 1), np.int64)).astype(np.uint8)
        for mode in ("L", "RGB"):
            for options in (
                {},
                {"progressive": True},
                {"restart_marker_blocks": 2},
                {"subsampling": 0},
                {"quality": 30},
            ):
                file = saved(Image.fromarray(pixels).convert(mode), "JPEG", **options)
                with self.subTest(mode=mode, **options):
                    self.assert_same(file, pillow(file), tolerance=1)

    def test_whole_files_that_look_odd(self) -> None:
        file = saved(Image.fromarray(noise(40, 50, 3).astype(np.uint8)), "JPEG")
        plain = ours(file)
        assert not isinstance(plain, str)
        frame = file.index(b"\xff\xc0")
        other = saved(Image.new("L", (8, 8)), "JPEG")
        for name, odd in {
            "bytes behind the end": file + bytes(1000),
            "another picture behind it": file + other,
            "fill bytes": file[:frame] + b"\xff" * 7 + file[frame:],
            "an unknown segment": file[:2] + b"\xff\xe5\x00\x10" + bytes(14) + file[2:],
            "tables in a stream of their own": file[:frame] + b"\xff\xd9" + file,
        }.items():
            with self.subTest(name):
                self.assert_same(odd, plain, pillow(odd))
        self.assert_same(file[:-2], plain)

    def test_cut_files(self) -> None:
        for options in ({}, {"progressive": True}):
            file = saved(Image.fromarray(noise(40, 50, 3).astype(np.uint8)), "JPEG", **options)
            for size in range(len(file) // 2, len(file) - 2, 97):
                with self.subTest(size=size, **options):
                    self.assertIsInstance(ours(file[:size]), str)


class WebP(Comparison):
    def test_what_pillow_writes(self) -> None:
        pixels = np.kron(noise(6, 9, 4), np.ones((9, 7, 1), np.int64)).astype(np.uint8)
        for mode in ("L", "RGB", "RGBA"):
            for options in ({"lossless": True, "exact": True}, {"quality": 80, "exact": True}):
                file = saved(Image.fromarray(pixels).convert(mode), "WEBP", **options)
                with self.subTest(mode=mode, **options):
                    self.assert_same(file, pillow(file), tolerance=0 if "lossless" in options else 1)
                    if "lossless" in options and mode != "L":
                        self.assert_same(file, pixels[:, :, :3])


if __name__ == "__main__":
    unittest.main()
