#!/usr/bin/env python3
"""The TIFF decoder beside the reference's loader (Pillow 11.3) and tifffile, pixel for pixel.

DECODE_PICTURE=build/tests/decode_picture python tests/model/image/tiff_comparison_test.py
"""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
import unittest
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import tiff_files as tiff
from PIL import ExifTags, Image, ImageOps

REPOSITORY = Path(__file__).resolve().parents[3]
PROGRAM = os.environ.get("DECODE_PICTURE", str(REPOSITORY / "build" / "tests" / "decode_picture"))

HEIGHT, WIDTH = 203, 301
_random = np.random.default_rng(5)
# Smooth on the left, so that run lengths and dictionaries have something to find; noise on the right.
GRAY = np.where(
    np.arange(WIDTH) < 150, np.arange(HEIGHT)[:, None] % 256, _random.integers(0, 256, (HEIGHT, WIDTH))
).astype(np.uint8)
RGB = np.stack([GRAY, np.roll(GRAY, 40, 1), 255 - GRAY], -1)
WIDE = (GRAY.astype(np.uint16) << 8) + _random.integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint16)
WIDE_RGB = np.stack([WIDE, np.roll(WIDE, 40, 1), 65535 - WIDE], -1)
ALPHA = np.dstack([RGB, _random.integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)])


def decoded(file: bytes, *how: str) -> tiff.Array | str:
    """The picture as the server sees it, [height, width, 3], or why it refuses it."""
    with tempfile.NamedTemporaryFile(suffix=".tif") as stored:
        stored.write(file)
        stored.flush()
        run = subprocess.run([PROGRAM, stored.name, *how], capture_output=True, check=False, timeout=60)
    if run.returncode != 0:
        return run.stderr.decode().strip()
    head, pixels = run.stdout.split(b"\n", 1)
    width, height = (int(side) for side in head.split()[1:3])
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)


def reference(file: bytes) -> tiff.Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow comments on what it forgives
        return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))


def scaled(samples: tiff.Array, bits: int) -> tiff.Array:
    """What decode.h says of samples that have more than 8 bits; Pillow cuts them off."""
    eight = np.floor(samples.astype(np.float64) * 255 / (2**bits - 1) + 0.5).astype(np.uint8)
    return eight if eight.ndim == 3 else np.stack([eight] * 3, -1)


class TiffComparison(unittest.TestCase):
    def check(self, name: str, file: bytes, expected: tiff.Array | None = None) -> None:
        with self.subTest(name):
            picture = decoded(file)
            self.assertNotIsInstance(picture, str, picture)
            np.testing.assert_array_equal(picture, reference(file) if expected is None else expected)

    def refused(self, name: str, file: bytes, reason: str) -> None:
        with self.subTest(name):
            self.assertIn(reason, decoded(file))

    def test_the_loader_is_the_references(self) -> None:
        self.assertEqual(PIL.__version__, "11.3.0")

    def test_grays_of_8_bits_and_fewer(self) -> None:
        for photometric in ("minisblack", "miniswhite"):
            self.check(photometric, tiff.written_by_tifffile(GRAY, photometric))
            self.check(f"{photometric}, 1 bit", tiff.written_by_tifffile(GRAY > 99, photometric))
            for bits in (2, 4):
                width = 2 * GRAY.shape[1] if bits == 4 else 4 * GRAY.shape[1]
                self.check(
                    f"{photometric}, {bits} bits", tiff.of_samples(GRAY, width - 1, bits, photometric=photometric)
                )

    def test_samples_of_more_than_8_bits(self) -> None:
        for order in "<>":
            self.check(f"gray {order}", tiff.written_by_tifffile(WIDE, byteorder=order), scaled(WIDE, 16))
            self.check(f"RGB {order}", tiff.written_by_tifffile(WIDE_RGB, "rgb", byteorder=order), scaled(WIDE_RGB, 16))
            self.check(
                f"white is zero {order}",
                tiff.written_by_tifffile(WIDE, "miniswhite", byteorder=order),
                255 - scaled(WIDE, 16),
            )
        packed = GRAY[:, :300].astype(np.uint16).reshape(HEIGHT, 100, 3)
        first = packed[..., 0] << 4 | packed[..., 1] >> 4
        second = (packed[..., 1] & 15) << 8 | packed[..., 2]
        twelve = np.stack([first, second], -1).reshape(HEIGHT, 200)
        self.check("12 bits", tiff.of_samples(GRAY[:, :300], 200, 12), scaled(twelve, 12))

    def test_colors_palettes_and_alpha(self) -> None:
        self.check("RGB", tiff.written_by_tifffile(RGB, "rgb"))
        self.check("palette", tiff.written_by_pillow(Image.fromarray(RGB).quantize(200)))
        for alpha in ("unspecified", "unassalpha", "assocalpha"):
            self.check(alpha, tiff.written_by_tifffile(ALPHA, "rgb", extrasamples=[alpha]))
        gray_and_alpha = np.dstack([GRAY, ALPHA[..., 3]])
        self.check("gray and alpha", tiff.written_by_tifffile(gray_and_alpha, extrasamples=["unassalpha"]))

    def test_layouts(self) -> None:
        for order in "<>":
            for big in (False, True):
                kind = f"{order} {'BigTIFF' if big else 'classic'}"
                options: dict[str, Any] = {"byteorder": order, "bigtiff": big}
                # Pillow does not know a big-endian BigTIFF when it sees one.
                self.check(f"strips {kind}", tiff.written_by_tifffile(RGB, "rgb", rowsperstrip=20, **options), RGB)
                self.check(f"tiles {kind}", tiff.written_by_tifffile(RGB, "rgb", tile=(64, 80), **options), RGB)
                planes = np.moveaxis(RGB, -1, 0)
                for layout in ({"rowsperstrip": 20}, {"tile": (64, 80)}):
                    file = tiff.written_by_tifffile(planes, "rgb", planarconfig="separate", **layout, **options)
                    self.check(f"planes {layout} {kind}", file, RGB)

    def test_compressions(self) -> None:
        for compression in ("raw", "packbits", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate"):
            for name, picture in (("gray", GRAY), ("RGB", RGB), ("1 bit", GRAY > 99)):
                file = tiff.written_by_pillow(Image.fromarray(picture), compression=compression)
                self.check(f"{compression}, {name}", file)
        for compression in ("tiff_lzw", "tiff_adobe_deflate"):
            for name, picture in (("gray", GRAY), ("RGB", RGB)):
                file = tiff.written_by_pillow(Image.fromarray(picture), compression=compression, tiffinfo={317: 2})
                self.check(f"{compression} with predictor, {name}", file)
            file = tiff.written_by_pillow(Image.fromarray(WIDE), compression=compression, tiffinfo={317: 2})
            self.check(f"{compression} with predictor, 16 bits", file, scaled(WIDE, 16))

    def test_jpeg_compression(self) -> None:
        for name, picture in (("gray", GRAY), ("colour", RGB)):
            for quality in (30, 95):
                file = tiff.written_by_pillow(Image.fromarray(picture), compression="jpeg", quality=quality)
                self.check(f"{name}, quality {quality}", file)
        many = Image.fromarray(np.tile(RGB, (2, 2, 1)))
        self.check("strips", tiff.written_by_pillow(many, compression="jpeg", strip_size=4 * WIDTH * 3 * 16))
        stored_as_ycbcr = tiff.written_by_pillow(Image.fromarray(RGB).convert("YCbCr"), compression="jpeg")
        self.check("YCbCr", stored_as_ycbcr)

    def test_orientations(self) -> None:
        for orientation in range(10):
            tag = [(274, "H", 1, orientation, True)]
            self.check(f"strips {orientation}", tiff.written_by_tifffile(RGB, "rgb", extratags=tag))
            self.check(f"tiles {orientation}", tiff.written_by_tifffile(GRAY, tile=(64, 64), extratags=tag))
            if 1 <= orientation <= 8:  # libtiff writes no other
                file = tiff.written_by_pillow(Image.fromarray(RGB), compression="tiff_lzw", tiffinfo={274: orientation})
                self.check(f"LZW {orientation}", file)
            said = f'<x:xmpmeta><rdf:Description tiff:Orientation="{orientation}"/></x:xmpmeta>'.encode()
            without_tag = tiff.written_by_tifffile(GRAY, extratags=[(700, "B", len(said), said, True)])
            self.check(f"XMP {orientation}", without_tag)

    def test_exif_orientations_of_other_formats(self) -> None:
        for orientation in range(10):
            exif = Image.Exif()
            exif[ExifTags.Base.Orientation] = orientation
            for file_format in ("JPEG", "PNG", "WEBP"):
                with self.subTest(f"{file_format} {orientation}"):
                    stored = io.BytesIO()
                    Image.fromarray(RGB).save(stored, file_format, exif=exif, lossless=True)
                    picture = Image.open(stored)
                    as_stored = np.asarray(picture.convert("RGB"))
                    upright = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
                    np.testing.assert_array_equal(decoded(stored.getvalue()), as_stored)
                    np.testing.assert_array_equal(decoded(stored.getvalue(), "upright"), upright)

    def test_files_that_break_rules_but_hold_every_pixel(self) -> None:
        one_strip = tiff.written_by_tifffile(GRAY, rowsperstrip=HEIGHT, software="x" * 40)
        strips = tiff.written_by_tifffile(GRAY, rowsperstrip=20)
        deflated = tiff.written_by_tifffile(GRAY, rowsperstrip=HEIGHT, compression="zlib")
        counts = tiff.STRIP_BYTE_COUNTS
        self.check("one strip without its byte count", tiff.without_tag(one_strip, counts))
        self.check("strips without their byte counts", tiff.without_tag(strips, counts))
        self.check("compressed strip without its byte count", tiff.without_tag(deflated, counts))
        for count in (0, 1000, 10**7):
            self.check(f"a byte count of {count}", tiff.with_value(one_strip, counts, count))
        self.check("a compressed strip with a byte count of 0", tiff.with_value(deflated, counts, 0))
        self.check("values outside the file", tiff.with_value(one_strip, tiff.SOFTWARE, 10**7))
        for name, file in (("one strip", one_strip), ("strips", strips), ("compressed", deflated)):
            self.check(f"{name} without the place of the next directory", tiff.ending_with_its_last_tag(file))
        for side in (100, 7, 300):
            self.check(f"tiles of {side} x {side}", tiff.of_tiles(GRAY, side))

    def test_what_is_refused_is_named(self) -> None:
        self.refused("float", tiff.written_by_tifffile(GRAY.astype(np.float32)), "floating-point samples")
        self.refused("signed", tiff.written_by_tifffile(GRAY.astype(np.int16)), "signed samples")
        self.refused("32 bits", tiff.written_by_tifffile(GRAY.astype(np.uint32)), "32 bits per sample")
        self.refused("CMYK", tiff.written_by_pillow(Image.fromarray(RGB).convert("CMYK")), "CMYK colours")
        self.refused("fax", tiff.written_by_pillow(Image.fromarray(GRAY > 99), compression="group4"), "CCITT fax")
        self.refused("thumbnail", tiff.written_by_tifffile(GRAY, subfiletype=1), "reduced copy")
        colors_as_grays = tiff.with_value(tiff.written_by_tifffile(RGB, "rgb"), tiff.PHOTOMETRIC, 1)
        self.refused("RGB said to be gray", colors_as_grays, "3 samples per pixel")

    def test_pictures_that_are_cut_are_damaged(self) -> None:
        for compression in ("raw", "packbits", "tiff_lzw", "tiff_adobe_deflate", "jpeg"):
            file = tiff.written_by_pillow(Image.fromarray(GRAY), compression=compression)
            self.assertNotIsInstance(decoded(file), str)
            # Pillow writes the pixels of compressed pictures before the directory, of uncompressed ones behind it.
            cut = file[:-1] if compression == "raw" else file[: len(file) // 2]
            self.refused(compression, cut, "TIFF")


if __name__ == "__main__":
    unittest.main()
