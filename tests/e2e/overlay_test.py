#!/usr/bin/env python3
"""`bayespfl-client inspect --output`: what is drawn on is what was inspected, of files that are easily read otherwise.

Pillow and tifffile write each file and say what it shows; the overlay is that of a plain PNG of those pixels.

PROGRAMS_FOLDER=build/bin python tests/e2e/overlay_test.py
"""

from __future__ import annotations

import io
import json
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from server_program import BIN, IMAGES, ServerTest

Pixels = NDArray[np.uint8]  # [height, width, 3]

# Of a picture of at least 400 x 400 pixels, which no overlay enlarges, and at least 330 wide, so that it begins at the
# overlay's corner. Its sides differ, so that a turn shows.
WIDTH, HEIGHT = 440, 408
TOP_RIGHT = 6  # EXIF: the first row is the picture's right side


def hole() -> Pixels:
    """A coloured picture of the demo with a defect that is not in its middle."""
    with Image.open(IMAGES / "leather" / "hole_0.jpg") as picture:
        return np.asarray(picture.convert("RGB"), np.uint8)[:HEIGHT, :WIDTH]


def rgb(gray: NDArray[Any]) -> Pixels:
    return np.repeat(gray.astype(np.uint8)[:, :, np.newaxis], 3, axis=2)


def pillow(file: bytes) -> Pixels:
    with Image.open(io.BytesIO(file)) as picture:
        return np.asarray(picture.convert("RGB"), np.uint8)


def written_by_tifffile(array: NDArray[Any], photometric: str, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, photometric=photometric, metadata=None, **options)
    return file.getvalue()


def with_tag(tiff: bytes, tag: int, value: int) -> bytes:
    """The little-endian file with another value of a tag that it has."""
    (start,) = struct.unpack_from("<I", tiff, 4)
    (count,) = struct.unpack_from("<H", tiff, start)
    places = range(start + 2, start + 2 + 12 * count, 12)
    (place,) = (each for each in places if struct.unpack_from("<H", tiff, each) == (tag,))
    return tiff[: place + 8] + struct.pack("<I", value) + tiff[place + 12 :]


def gray_tiff(bits: int) -> tuple[bytes, Pixels]:
    """Gray of few bits, packed, and what it shows."""
    most = (1 << bits) - 1
    samples = hole()[:, :, 1] >> (8 - bits)
    ones = samples[:, :, np.newaxis] >> np.arange(bits - 1, -1, -1) & 1
    rows = np.packbits(ones.astype(np.uint8).reshape(HEIGHT, -1), axis=1)
    file = written_by_tifffile(rows, "minisblack")
    return with_tag(with_tag(file, 256, WIDTH), 258, bits), rgb(samples * (255 // most))


def bmp_with_swapped_masks() -> tuple[bytes, Pixels]:
    """32 bits a pixel whose masks put red where blue usually is, behind a header of version 5."""
    pixels = hole()
    words = np.dstack([pixels, np.full((HEIGHT, WIDTH), 255, np.uint8)])[::-1]
    masks = (0x000000FF, 0x0000FF00, 0x00FF0000, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII4I", 124, WIDTH, HEIGHT, 1, 32, 3, words.size, 0, 0, 0, 0, *masks)
    start = 14 + 124
    file = struct.pack("<2sIHHI", b"BM", start + words.size, 0, 0, start) + header.ljust(124, b"\0")
    return file + words.tobytes(), pixels


def turned_tiff() -> tuple[bytes, Pixels]:
    """A picture that lies on its side and says so."""
    upright = hole()
    lying = np.ascontiguousarray(np.rot90(upright))
    return written_by_tifffile(lying, "rgb", extratags=[(274, "H", 1, TOP_RIGHT, True)]), upright


class Inspected(NamedTuple):
    score: float
    overlay: Pixels
    mask: NDArray[np.uint8]


class OverlayTest(ServerTest):
    def inspect(self, name: str, file: bytes) -> Inspected:
        with tempfile.TemporaryDirectory() as folder:
            picture = Path(folder, name)
            picture.write_bytes(file)
            command = [BIN / "bayespfl-client", "inspect", "--server", self.server.address, "--json", "--seed", "1"]
            command += ["--samples", "2", "--category", "leather", "--output", Path(folder, "out"), picture]
            run = subprocess.run(command, check=False, capture_output=True, text=True)
            self.assertEqual(run.returncode, 0, run.stderr)
            results = [Path(folder, "out", f"{picture.stem}_{kind}.png") for kind in ("overlay", "mask")]
            overlay, mask = (pillow(result.read_bytes()) for result in results)
            return Inspected(json.loads(run.stdout)["score"], overlay, mask)

    def assert_drawn_on(self, name: str, file: bytes, shown: Pixels) -> None:
        np.testing.assert_array_equal(pillow(file), shown, "Pillow reads it otherwise")
        plain = io.BytesIO()
        Image.fromarray(shown).save(plain, "PNG")

        of_file = self.inspect(name, file)
        of_plain = self.inspect("plain.png", plain.getvalue())

        self.assertEqual(of_file.score, of_plain.score)
        np.testing.assert_array_equal(of_file.mask, of_plain.mask)
        np.testing.assert_array_equal(of_file.overlay, of_plain.overlay)
        # The map's colours lie over all of it, faint ones over most: nothing that could be taken for it comes closer.
        drawn = of_file.overlay[:HEIGHT, :WIDTH].astype(int)
        others = [shown[::-1], shown[:, ::-1], shown[::-1, ::-1]]
        others += [shown[:, :, ::-1]] if (shown[:, :, 0] != shown[:, :, 2]).any() else []
        for other in others:
            self.assertLess(np.abs(drawn - shown).mean(), 0.8 * np.abs(drawn - other).mean())

    def test_2_bit_gray_tiff(self) -> None:
        self.assert_drawn_on("gray.tif", *gray_tiff(2))

    def test_4_bit_gray_tiff(self) -> None:
        self.assert_drawn_on("gray.tif", *gray_tiff(4))

    def test_bmp_whose_masks_swap_red_and_blue(self) -> None:
        self.assert_drawn_on("masks.bmp", *bmp_with_swapped_masks())

    def test_tiff_that_lies_on_its_side(self) -> None:
        self.assert_drawn_on("turned.tif", *turned_tiff())


if __name__ == "__main__":
    unittest.main()
