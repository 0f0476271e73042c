"""Pictures as callers have them, made ready to be sent."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np
from numpy.typing import NDArray

from bayespfl import _png
from bayespfl._pixel_formats import BGR16, PFNC, RGB16, canonical_name, value_of
from bayespfl.inspection.v1 import picture_pb2

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage


@dataclass(frozen=True)
class RawPicture:
    """Pixels as a camera delivers them, without a file around them.

    RawPicture(buffer, width=2448, height=2048, pixel_format="BayerRG8")
    """

    data: bytes  # stride * height bytes; the last row may omit its padding
    width: int  # pixels
    height: int  # pixels
    pixel_format: str | int  # PFNC's name ("Mono12p") or 32-bit value
    stride: int = 0  # bytes from one row to the next; 0: rows without padding
    significant_bits: int = 0  # of 16-bit samples: how many low bits the sensor fills, 9..16; 0: all
    max_trailing_bytes: int = 0  # bytes that may follow the pixels, such as chunk data, and are not looked at


Picture = Union[str, "os.PathLike[str]", bytes, RawPicture, NDArray[Any], "PillowImage"]
"""What can be inspected: the path of a picture file, its bytes (JPEG, PNG, BMP, TIFF, WebP), raw pixels, a numpy array
(uint8 or uint16: [H, W], [H, W, 1], [H, W, 3] or [H, W, 4]), or a picture of Pillow. A `str` is always a path."""


@dataclass(frozen=True)
class SentPicture:
    """A picture as it goes out, and what the reply must say of it."""

    message: picture_pb2.Image
    sha256: str  # of the file's or the raw pixels' bytes, hexadecimal


def _encoded(data: bytes, significant_bits: int = 0) -> SentPicture:
    message = picture_pb2.Image(encoded=data, significant_bits=significant_bits)
    return SentPicture(message, hashlib.sha256(data).hexdigest())


def _from_raw(picture: RawPicture) -> SentPicture:
    # What the message cannot hold; the rest the server judges, by its own limits and formats.
    for name in ("width", "height", "stride", "significant_bits", "max_trailing_bytes"):
        if not 0 <= getattr(picture, name) < 1 << 32:
            raise ValueError(f"a raw picture's {name} is {getattr(picture, name)}; it must be at least 0")
    data = bytes(picture.data)
    raw = picture_pb2.RawImage(
        data=data,
        width=picture.width,
        height=picture.height,
        stride=picture.stride,
        pfnc_pixel_format=value_of(picture.pixel_format),
        max_trailing_bytes=picture.max_trailing_bytes,
    )
    message = picture_pb2.Image(raw=raw, significant_bits=picture.significant_bits)
    return SentPicture(message, hashlib.sha256(data).hexdigest())


def _from_file(path: str | os.PathLike[str], significant_bits: int) -> SentPicture:
    try:
        return _encoded(Path(path).read_bytes(), significant_bits)
    except OSError as error:
        raise ValueError(f"cannot read the picture {os.fspath(path)}: {error.strerror or error}") from error
    except ValueError as error:
        raise ValueError(f"cannot send the picture {os.fspath(path)!r}: {error}") from error


_DEEP_BAYER = tuple(f"Bayer{pattern}{bits}" for pattern in ("RG", "GB", "GR", "BG") for bits in (16, 12, 10))

# By the array's kind and number of channels: the format when none is named (None: must be named), and those there are.
_FORMATS: dict[tuple[str, int], tuple[str | None, tuple[str, ...]]] = {
    ("uint8", 1): ("Mono8", ("Mono8", "BayerRG8", "BayerGB8", "BayerGR8", "BayerBG8")),
    ("uint16", 1): ("Mono16", ("Mono16", "Mono14", "Mono12", "Mono10", *_DEEP_BAYER)),
    ("uint8", 3): (None, ("RGB8", "BGR8")),
    ("uint16", 3): (None, (RGB16, BGR16)),
    ("uint8", 4): ("RGBa8", ("RGBa8", "BGRa8")),
}


def _array_format(array: NDArray[Any], channels: int, pixel_format: str | None) -> str:
    kind = (array.dtype.name, channels)
    if kind not in _FORMATS:
        raise ValueError(
            f"an array of {array.dtype.name} with the shape {array.shape} is no picture: it must be uint8 or uint16 and "
            "[H, W], [H, W, 3], or of uint8 [H, W, 4]"
        )
    default, allowed = _FORMATS[kind]
    if pixel_format is None:
        if default is None:
            raise ValueError(
                f"in which order are the colours of this array? pixel_format={allowed[0]!r} or {allowed[1]!r} says it "
                "(OpenCV's arrays are BGR, those of Pillow and most others RGB)"
            )
        return default
    name = canonical_name(pixel_format)
    if name not in allowed:
        raise ValueError(
            f"an array of {array.dtype.name} with the shape {array.shape} cannot be {name}; it can be "
            f"{' or '.join(allowed)}"
        )
    return name


def _from_array(array: NDArray[Any], pixel_format: str | None, significant_bits: int) -> SentPicture:
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(f"an array with the shape {array.shape} is no picture: it must be [H, W] or [H, W, channels]")
    channels = array.shape[2] if array.ndim == 3 else 1
    name = _array_format(array, channels, pixel_format)
    if name == BGR16:
        return _encoded(_png.encode_rgb16(array[:, :, ::-1]), significant_bits)
    if name == RGB16:
        return _encoded(_png.encode_rgb16(array), significant_bits)
    little_endian = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return _from_raw(
        RawPicture(
            data=little_endian.tobytes(),  # row by row, whatever the array's strides are
            width=array.shape[1],
            height=array.shape[0],
            pixel_format=name,
            significant_bits=significant_bits,
        )
    )


_PILLOW_MODES = {"L": "Mono8", "RGB": "RGB8", "RGBA": "RGBa8", "I;16": "Mono16", "I;16L": "Mono16"}


def _from_pillow(image: PillowImage, significant_bits: int) -> SentPicture:
    if image.mode in ("1", "P"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    name = _PILLOW_MODES.get(image.mode)
    if name is None:
        raise ValueError(
            f'a picture of Pillow in the mode {image.mode!r} cannot be sent as it is; image.convert("RGB") makes one that can'
        )
    return _from_raw(
        RawPicture(
            data=image.tobytes(),
            width=image.width,
            height=image.height,
            pixel_format=name,
            significant_bits=significant_bits,
        )
    )


def _is_pillow(picture: object) -> bool:
    """Without importing Pillow: whoever has such a picture has imported it."""
    return any(base.__module__ == "PIL.Image" for base in type(picture).__mro__)


def prepare(picture: Picture, *, pixel_format: str | None = None, significant_bits: int = 0) -> SentPicture:
    """The picture as it will be sent. Reads the file where it is a path.

    `pixel_format`: of arrays, PFNC's name. `significant_bits`: of 16-bit arrays and files, 9..16, or 0: all.
    ValueError, with a sentence, for what cannot be sent; TypeError for what is no picture at all. Thread-safe.
    """
    if not 0 <= significant_bits <= 16:
        raise ValueError(f"significant_bits is {significant_bits}; it must be 9..16, or 0 for all")
    if isinstance(picture, np.ndarray):
        return _from_array(picture, pixel_format, significant_bits)
    if pixel_format is not None:
        raise ValueError("pixel_format is for numpy arrays; a RawPicture has its own, everything else says it itself")
    if isinstance(picture, RawPicture):
        if significant_bits:
            raise ValueError("a RawPicture has its own significant_bits: give them there")
        return _from_raw(picture)
    if isinstance(picture, bytes | bytearray | memoryview):
        return _encoded(bytes(picture), significant_bits)
    if isinstance(picture, str | os.PathLike):
        return _from_file(picture, significant_bits)
    if _is_pillow(picture):
        return _from_pillow(picture, significant_bits)
    raise TypeError(
        f"{type(picture).__name__} is no picture: it must be a path, bytes, a numpy array, a RawPicture or a picture of Pillow"
    )


def ask_to_turn_upright(sent: SentPicture, picture: Picture) -> None:
    """Lets the server turn the picture as its EXIF data says. ValueError for pictures that are no files: they have none."""
    if not isinstance(picture, str | os.PathLike | bytes | bytearray | memoryview):
        raise ValueError(
            f"apply_orientation is for files, and {type(picture).__name__} is none; PIL.ImageOps.exif_transpose turns a "
            "picture of Pillow"
        )
    sent.message.apply_orientation = True


__all__ = ["PFNC", "Picture", "RawPicture", "SentPicture", "ask_to_turn_upright", "prepare"]
