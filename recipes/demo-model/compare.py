#!/usr/bin/env python3
"""Judges model packages by the held-out set and prints them side by side as a Markdown table.

    compare.py --set FOLDER [NAME=]PACKAGE...       # FOLDER: what evaluation-set.sh made

Each package inspects every picture with seed 0 (`bayespfl-model inspect`). Of each part of the set, all categories
together, that is, as if one threshold served them all:

    image AUROC             half the text score and half the map score, each stretched to 0..1 over the part, as the paper mixes them
    image AUROC, score      the server's `score`
    image AUROC, map score  the server's `map_score`
    pixel AUROC             maps at model size, smoothed with the package's sigma; masks are brought to that size

Intervals hold 95 % of --resamples draws of the part's pictures with replacement, good ones and those with a defect apart.
All packages see the same draws, so the interval of a difference is that of pairs: two packages differ where it leaves out 0.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float64]
Values = NDArray[np.float32]

PARTS = ("families", "defects", "both", "objects", "photographs")
NUMBERS = ("image AUROC", "image AUROC, score", "image AUROC, map score", "pixel AUROC")
BINS = 4096
PROGRAM = Path(__file__).resolve().parents[2] / "build" / "bin" / "bayespfl-model"
CONFIDENCE = 0.95


class ComparisonError(Exception):
    """Why there is no table, in a sentence."""


@dataclass(frozen=True)
class Picture:
    path: Path
    mask: Path | None  # of a picture with a defect


@dataclass(frozen=True)
class PartScores:
    """What one package says of a part's pictures, in their order."""

    score: Array  # [n]
    map_score: Array  # [n]
    good_pixels: Array  # [n, bins]: counts of pixels without a defect, by their place among all values
    bad_pixels: Array  # [n, bins]: of those with one


def pictures_of(category: Path) -> list[Picture]:
    found = []
    for path in sorted(category.glob("test/*/*.png")):
        kind = path.parent.name
        mask = None if kind == "good" else category / "ground_truth" / kind / f"{path.stem}_mask.png"
        found.append(Picture(path, mask))
    return found


@dataclass(frozen=True)
class Way:
    """How pictures are inspected."""

    words: str = ""  # what the model reads; empty: the category's name
    seed: int = 0
    samples: int | None = None  # None: the package's


def run_inspect(program: Path, package: Path, category: str, arguments: list[str | Path]) -> str:
    """What `inspect --json` prints."""
    command: list[str | Path] = [program, "inspect", "--model", package, "--category", category, "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ComparisonError(f"{package} could not inspect {arguments[-1]}: {done.stderr.strip()}")
    return done.stdout


def inspect(
    program: Path, package: Path, category: Path, maps: Path | None, way: Way = Way()
) -> Iterator[tuple[Path, dict[str, object]]]:
    """(picture, its line of JSON). Maps go to the folder, under the picture's stem."""
    words = way.words or category.name.replace("_", " ")
    arguments: list[str | Path] = ["--object", words, "--seed", str(way.seed)]
    if way.samples is not None:
        arguments += ["--samples", str(way.samples)]
    if maps is not None:
        arguments += ["--map-dir", maps]
    # A category of no calibration, so that all are drawn alike.
    for line in run_inspect(program, package, "held-out", [*arguments, category / "test"]).splitlines():
        result = json.loads(line)
        yield Path(result["image"]), result


def smoothed(values: Values, sigma: float) -> Values:
    """Gaussian, cut at four deviations; the picture goes on mirrored."""
    radius = int(4 * sigma + 0.5)
    if radius == 0:
        return values
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    for _ in range(2):  # columns, then rows
        padded = np.pad(values, [(radius, radius), (0, 0)], mode="symmetric")
        rows = len(values)
        summed = sum(weight * padded[i : i + rows] for i, weight in enumerate(kernel))
        values = np.asarray(summed, np.float32).T
    return values


def mask_of(picture: Picture, size: tuple[int, int]) -> NDArray[np.bool_]:
    """[height, width]: where the defect is, at the map's size."""
    if picture.mask is None:
        return np.zeros(size, bool)
    with Image.open(picture.mask) as mask:
        return np.asarray(mask.convert("L").resize((size[1], size[0]), Image.Resampling.NEAREST)) > 0


def judge(program: Path, package: Path, part: Path) -> PartScores:
    sigma = float(json.loads((package / "config.json").read_text(encoding="utf-8"))["map_smoothing_sigma"])
    scores: list[float] = []
    map_scores: list[float] = []
    maps: list[Values] = []
    masks: list[NDArray[np.bool_]] = []
    for category in sorted(part.iterdir()):
        pictures = pictures_of(category)
        with tempfile.TemporaryDirectory() as folder:
            results = dict(inspect(program, package, category, Path(folder)))
            for picture in pictures:
                result = results[picture.path]
                values = smoothed(np.load(Path(folder) / f"{picture.path.stem}.npy"), sigma)
                scores.append(float(str(result["score"])))
                map_scores.append(float(str(result["map_score"])))
                maps.append(values)
                masks.append(mask_of(picture, (values.shape[0], values.shape[1])))
    good, bad = histograms(maps, masks)
    return PartScores(np.array(scores), np.array(map_scores), good, bad)


def histograms(maps: list[Values], masks: list[NDArray[np.bool_]]) -> tuple[Array, Array]:
    """Counts of values by which of BINS equally full bins of the whole part they fall into."""
    every = np.concatenate([values.ravel()[::7] for values in maps])
    edges = np.unique(np.quantile(every, np.linspace(0, 1, BINS + 1)[1:-1]))
    good = np.zeros((len(maps), len(edges) + 1))
    bad = np.zeros_like(good)
    for i, (values, mask) in enumerate(zip(maps, masks, strict=True)):
        places = np.searchsorted(edges, values)
        good[i] = np.bincount(places[~mask], minlength=len(edges) + 1)
        bad[i] = np.bincount(places[mask], minlength=len(edges) + 1)
    return good, bad


def auroc(good: Array, bad: Array) -> Array:
    """Area for each row of counts [rows, bins], bins in ascending order of the score; ties share a point."""
    below = np.cumsum(good, axis=-1) - good
    wins = ((below + good / 2) * bad).sum(axis=-1)
    return np.asarray(wins / (good.sum(axis=-1) * bad.sum(axis=-1)))


def image_auroc(scores: Array, anomalous: NDArray[np.bool_], draws: Array) -> Array:
    """For each row of `draws` [rows, n], how often a picture was drawn."""
    _, places = np.unique(scores, return_inverse=True)
    hot = np.eye(places.max() + 1)[places]  # [n, distinct scores]
    return auroc((draws * ~anomalous) @ hot, (draws * anomalous) @ hot)


def stretched(values: Array) -> Array:
    return np.asarray((values - values.min()) / max(values.max() - values.min(), 1e-12))


def numbers_of(part: PartScores, anomalous: NDArray[np.bool_], draws: Array) -> dict[str, Array]:
    mix = stretched(part.score) / 2 + stretched(part.map_score) / 2
    return {
        "image AUROC": image_auroc(mix, anomalous, draws),
        "image AUROC, score": image_auroc(part.score, anomalous, draws),
        "image AUROC, map score": image_auroc(part.map_score, anomalous, draws),
        "pixel AUROC": auroc(draws @ part.good_pixels, draws @ part.bad_pixels),
    }


def draw(anomalous: NDArray[np.bool_], resamples: int) -> Array:
    """[1 + resamples, n]: how often each picture counts. The first row is the set itself."""
    generator = np.random.default_rng(0)
    draws = np.zeros((1 + resamples, len(anomalous)))
    draws[0] = 1
    for side in (~anomalous, anomalous):
        there = np.flatnonzero(side)
        for row in draws[1:]:
            np.add.at(row, generator.choice(there, len(there)), 1)
    return draws


def with_interval(values: Array, form: str = "{:.3f}") -> str:
    low, high = np.quantile(values[1:], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return f"{form} [{form}, {form}]".format(values[0], low, high)


def table(program: Path, packages: dict[str, Path], folder: Path, resamples: int) -> Iterator[str]:
    names = list(packages)
    heads = ["part", "good, defective", "number", *names, *(f"{name} less {names[0]}" for name in names[1:])]
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for name in PARTS:
        part = folder / name
        if not part.is_dir():
            raise ComparisonError(f"{folder} has no part {name}; evaluation-set.sh makes it")
        pictures = [picture for category in sorted(part.iterdir()) for picture in pictures_of(category)]
        anomalous = np.array([picture.mask is not None for picture in pictures])
        draws = draw(anomalous, resamples)
        found = [numbers_of(judge(program, package, part), anomalous, draws) for package in packages.values()]
        for number in NUMBERS:
            cells = [with_interval(numbers[number]) for numbers in found]
            cells += [with_interval(numbers[number] - found[0][number], "{:+.3f}") for numbers in found[1:]]
            counts = f"{np.sum(~anomalous)}, {np.sum(anomalous)}"
            yield f"| {name} | {counts} | {number} | {' | '.join(cells)} |"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", type=Path, required=True, help="folder that evaluation-set.sh made")
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--program", type=Path, default=PROGRAM)


def print_all(program: str, lines: Iterator[str]) -> int:
    """Returns the exit code: 1 where a sentence on stderr says why not all of them are there."""
    try:
        for line in lines:
            print(line, flush=True)
    except (ComparisonError, OSError, KeyError) as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Judges model packages by the held-out set.")
    parser.add_argument("packages", nargs="+", metavar="[NAME=]PACKAGE")
    add_options(parser)
    arguments = parser.parse_args()
    packages = {}
    for given in arguments.packages:
        name, parted, path = given.rpartition("=")
        packages[name if parted else Path(path).name] = Path(path)
    return print_all("compare", table(arguments.program, packages, arguments.set, arguments.resamples))


if __name__ == "__main__":
    sys.exit(main())
