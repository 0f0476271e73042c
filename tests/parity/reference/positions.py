"""The positional embedding of CLIP at 336 px resized to 518 px, by Pillow.

    positions.py write FILE.safetensors
    positions.py check FILE.safetensors    computes it again; fails where FILE says something else

FILE: `stored` [1 + 24*24, 3], random numbers and no two rows alike, and `resized` [1 + 37*37, 3]: the class row as it is, and
the grid through Pillow's resampler of floats, whose cubic kernel is the antialiased one (a = -0.5, taps outside left out).
"""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import numpy as np
from PIL import Image

FROM, TO, WIDTH = 24, 37, 3


def resized(stored: np.ndarray) -> np.ndarray:
    channels = [
        np.asarray(Image.fromarray(grid).resize((TO, TO), Image.Resampling.BICUBIC)).ravel()
        for grid in stored[1:].T.reshape(WIDTH, FROM, FROM)
    ]
    return np.vstack([stored[:1], np.stack(channels, axis=1)])


def write(path: Path, tensors: dict[str, np.ndarray]) -> None:
    header, data = {}, b""
    for name, tensor in tensors.items():
        content = tensor.astype("<f4").tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(content)],
        }
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main() -> None:
    what, file = sys.argv[1], Path(sys.argv[2])
    rows = 1 + FROM * FROM
    stored = np.random.default_rng(24).normal(0, 0.02, (rows, WIDTH)).astype(np.float32)
    if what == "write":
        write(file, {"stored": stored, "resized": resized(stored)})
        return
    content = file.read_bytes()
    data = np.frombuffer(content[8 + struct.unpack("<Q", content[:8])[0] :], "<f4").reshape(-1, WIDTH)
    np.testing.assert_array_equal(data[:rows], stored)
    np.testing.assert_allclose(data[rows:], resized(stored), rtol=0, atol=1e-7)


if __name__ == "__main__":
    main()
