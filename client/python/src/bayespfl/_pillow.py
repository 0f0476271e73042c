"""Everything that needs Pillow. Importing this module fails with a sentence where there is none."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

try:
    from PIL import Image
except ImportError as error:
    raise ImportError("this needs Pillow: pip install 'bayespfl-client[pillow]'") from error


def decode_rgb(data: bytes) -> NDArray[np.uint8]:
    """[H, W, 3], R, G, B; ValueError for a damaged file."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            return np.array(image.convert("RGB"), np.uint8)
    except OSError as error:
        raise ValueError(f"the picture of the reply cannot be read: {error}") from error


def encode_png(image: Image.Image) -> bytes:
    """A PNG file of the picture."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()
