"""Pictures as callers have them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bayespfl import InputError, RawPicture
from bayespfl._frames import Frame, prepare_frame
from bayespfl._pictures import prepare

RANDOM = np.random.default_rng(2)


def test_a_path_and_its_bytes_are_the_same_picture(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"some picture")

    for picture in (file, str(file), b"some picture", bytearray(b"some picture")):
        sent = prepare(picture)  # type: ignore[arg-type]
        assert sent.message.encoded == b"some picture"
        assert sent.sha256 == hashlib.sha256(b"some picture").hexdigest()


def test_significant_bits_go_with_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    file.write_bytes(b"some picture")

    for picture in (file, str(file), b"some picture"):
        assert prepare(picture, significant_bits=12).message.significant_bits == 12


def test_a_raw_picture_has_its_own_significant_bits() -> None:
    picture = RawPicture(b"xx", width=1, height=1, pixel_format="Mono16", significant_bits=12)

    assert prepare(picture).message.significant_bits == 12
    with pytest.raises(ValueError, match="a RawPicture has its own significant_bits"):
        prepare(picture, significant_bits=12)


@pytest.mark.parametrize(
    ("shape", "dtype", "name", "value"),
    [
        ((4, 6), np.uint8, None, 0x01080001),
        ((4, 6, 1), np.uint8, None, 0x01080001),
        ((4, 6), np.uint8, "BayerRG8", 0x01080009),
        ((4, 6), np.uint16, None, 0x01100007),
        ((4, 6), np.uint16, "mono12", 0x01100005),
        ((4, 6, 3), np.uint8, "RGB8", 0x02180014),
        ((4, 6, 3), np.uint8, "bgr8", 0x02180015),
        ((4, 6, 4), np.uint8, None, 0x02200016),
        ((4, 6, 4), np.uint8, "BGRa8", 0x02200017),
        ((4, 6), np.uint16, "BayerGB12", 0x01100012),
        ((4, 6), np.uint16, "Mono14", 0x01100025),
    ],
)
def test_arrays_go_as_raw_pixels(shape: tuple[int, ...], dtype: type, name: str | None, value: int) -> None:
    array: NDArray[Any] = RANDOM.integers(0, 255, shape).astype(dtype)

    sent = prepare(array, pixel_format=name)

    raw = sent.message.raw
    assert (raw.width, raw.height, raw.stride, raw.pfnc_pixel_format) == (6, 4, 0, value)
    assert raw.data == array.tobytes()
    assert sent.sha256 == hashlib.sha256(array.tobytes()).hexdigest()


def test_arrays_may_be_views_and_of_any_byte_order() -> None:
    array: NDArray[Any] = RANDOM.integers(0, 60000, (8, 10)).astype(np.uint16)

    assert prepare(array[::2, ::-1]).message.raw.data == np.ascontiguousarray(array[::2, ::-1]).tobytes()
    assert prepare(array.astype(">u2")).message.raw.data == array.tobytes()


def test_sixteen_bit_colours_go_as_a_file() -> None:
    rgb = RANDOM.integers(0, 60000, (4, 5, 3)).astype(np.uint16)

    sent = prepare(rgb, pixel_format="RGB16", significant_bits=12)

    assert sent.message.encoded.startswith(b"\x89PNG")
    assert sent.message.significant_bits == 12
    assert prepare(rgb[:, :, ::-1], pixel_format="BGR16").message.encoded == sent.message.encoded


@pytest.mark.parametrize(
    ("array", "name", "sentence"),
    [
        (np.zeros((4, 4, 3), np.uint8), None, "in which order are the colours"),
        (np.zeros((4, 4, 3), np.uint16), None, "'RGB16' or 'BGR16'"),
        (np.zeros((4, 4), np.uint8), "RGB8", "cannot be RGB8; it can be Mono8 or BayerRG8"),
        (np.zeros((4, 4), np.uint8), "Mono7", "there is no pixel format 'Mono7'; there are Mono8"),
        (np.zeros((4, 4)), None, "float64 .* is no picture"),
        (np.zeros((4, 4, 2), np.uint8), None, r"shape \(4, 4, 2\) is no picture"),
        (np.zeros((0, 4), np.uint8), None, r"shape \(0, 4\)"),
        (np.zeros(4, np.uint8), None, r"shape \(4,\)"),
    ],
)
def test_arrays_that_could_mean_several_things_are_refused(
    array: NDArray[Any],
    name: str | None,
    sentence: str,
) -> None:
    with pytest.raises(ValueError, match=sentence):
        prepare(array, pixel_format=name)


def test_raw_pictures_go_as_they_are() -> None:
    sent = prepare(RawPicture(b"0123456789ab", width=4, height=2, pixel_format="Mono12p", stride=6, significant_bits=0))

    assert sent.message.raw.stride == 6
    assert sent.message.raw.pfnc_pixel_format == 0x010C0047


def test_trailing_bytes_go_with_the_picture() -> None:
    picture = RawPicture(b"0123456789", width=4, height=2, pixel_format="Mono8", max_trailing_bytes=2)

    assert prepare(picture).message.raw.max_trailing_bytes == 2


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        ("/no/such/file.png", "cannot read the picture /no/such/file.png: No such file"),
        (RawPicture(b"x", width=-1, height=1, pixel_format="Mono8"), "width is -1"),
        (RawPicture(b"x", width=1, height=1, pixel_format="BGR16"), "BGR16 is for arrays"),
        (RawPicture(b"x", width=1, height=1, pixel_format="Mono8", max_trailing_bytes=-1), "max_trailing_bytes is -1"),
    ],
)
def test_what_cannot_be_sent_is_said_in_a_sentence(picture: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        prepare(picture)  # type: ignore[arg-type]


def test_what_is_no_picture_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="int is no picture: it must be a path"):
        prepare(7)  # type: ignore[arg-type]


def test_a_pixel_format_of_a_file_is_refused() -> None:
    with pytest.raises(ValueError, match="pixel_format is for numpy arrays"):
        prepare(b"file", pixel_format="RGB8")


def test_pillows_pictures() -> None:
    image = pytest.importorskip("PIL.Image", reason="this is about Pillow's pictures; it is not in this environment")
    rgb = image.new("RGB", (3, 2), (1, 2, 3))

    assert prepare(rgb).message.raw.data == bytes([1, 2, 3]) * 6
    assert prepare(rgb.convert("L")).message.raw.pfnc_pixel_format == 0x01080001
    assert prepare(rgb.convert("P")).message.raw.pfnc_pixel_format == 0x02180014
    with pytest.raises(ValueError, match=r'mode \'CMYK\' cannot be sent as it is; image.convert\("RGB"\)'):
        prepare(rgb.convert("CMYK"))


def test_only_files_are_turned_upright(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(b"some picture")
    for picture in (file, str(file), b"some picture"):
        asked = prepare_frame(Frame(picture, apply_orientation=True), category="nut", pixel_format=None, inherits=False)
        assert asked.image.apply_orientation
        plain = prepare_frame(Frame(picture), category="nut", pixel_format=None, inherits=False)
        assert not plain.image.apply_orientation
    for other in (np.zeros((2, 2), np.uint8), RawPicture(b"0123", width=2, height=2, pixel_format="Mono8")):
        with pytest.raises(InputError, match="apply_orientation is for files"):
            prepare_frame(Frame(other, apply_orientation=True), category="nut", pixel_format=None, inherits=False)
