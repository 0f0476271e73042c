#!/usr/bin/env python3
"""Gives a trained package its mask threshold, and says under "provenance" what it is and on which terms.

    describe_package.py --pictures FOLDER PACKAGE       # FOLDER: good pictures, generate_images.py --calibration

The threshold is where the smoothed maps of the good pictures, all pixels together, have their 99.9th percentile.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from compare import PROGRAM, ComparisonError, Values, run_inspect, smoothed

PERCENTILE = 99.9
DIGITS = 4
ORIGIN = {
    "description": "A small CLIP-like pair of towers and Bayes-PFL, trained by recipes/demo-model on procedural pictures and"
    " photographs of free licence; the towers were taught by EfficientNet-Lite0's features. docs/demo-model.md",
    "licence": "MIT",
    "vocabulary": "OpenAI CLIP (MIT)",
    "teacher": "EfficientNet-Lite0 (Apache-2.0)",
}


def maps_of(program: Path, package: Path, folder: Path, sigma: float) -> list[Values]:
    """Smoothed maps of the pictures that the folder's manifest.csv lists."""
    maps = []
    with (folder / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for category in sorted({row["category"] for row in rows}):
        pictures = [folder / row["image"] for row in rows if row["category"] == category]
        with tempfile.TemporaryDirectory() as made:
            run_inspect(program, package, category, ["--map-dir", made, *pictures])
            maps += [smoothed(np.load(Path(made) / f"{picture.stem}.npy"), sigma) for picture in pictures]
    return maps


def describe(program: Path, package: Path, pictures: Path) -> str:
    """Writes config.json; returns what is to be told."""
    file = package / "config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    maps = maps_of(program, package, pictures, float(config["map_smoothing_sigma"]))
    threshold = round(float(np.percentile(np.concatenate([one.ravel() for one in maps]), PERCENTILE)), DIGITS)
    config["provenance"] |= ORIGIN
    config["provenance"]["mask_threshold"] = (
        f"{PERCENTILE}th percentile of smoothed map pixels over {len(maps)} good pictures of"
        " assets/demo/generate_images.py --calibration (none of them a demo picture)"
    )
    names = {key: config.pop(key) for key in ("category_names", "vocabulary", "file_digests", "provenance")}
    config = {**config, "thresholds": {"mask": threshold}, **names}  # what is read most stands first
    file.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return f"{file}: mask threshold {threshold}, from {len(maps)} good pictures"


def main() -> int:
    parser = argparse.ArgumentParser(description="Gives a trained package its mask threshold and its origin.")
    parser.add_argument("package", type=Path)
    parser.add_argument("--pictures", type=Path, required=True, help="good pictures with a manifest.csv")
    parser.add_argument("--program", type=Path, default=PROGRAM)
    arguments = parser.parse_args()
    try:
        print(describe(arguments.program, arguments.package, arguments.pictures))
    except (ComparisonError, OSError, KeyError) as error:
        print(f"describe_package: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
