#!/usr/bin/env python3
"""Says of a package whether its samples of prompts mean something, by the held-out set, as Markdown tables.

    samples.py --set FOLDER PACKAGE       # FOLDER: what evaluation-set.sh made

Of each part of the set:

    spread        deviation of the score over the R samples, mean over pictures; and how far the score of one sample is
                  from that of another seed's, likewise
    with error    Spearman's rank correlation of a picture's spread with its error, the distance of its score from 1 where
                  it has a defect and from 0 where not; intervals as compare.py's. Above 0: where samples disagree the
                  verdict is less sure
    R             image AUROC (compare.py's mix) with 1, 3, 10 and 30 samples, mean over the seeds, and the scores'
                  deviation from seed to seed
    words         image AUROC with the category's name, with "part" for all, and with another category's name; and how far
                  scores move
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from compare import (
    PARTS,
    Array,
    ComparisonError,
    Way,
    add_options,
    draw,
    image_auroc,
    inspect,
    pictures_of,
    print_all,
    stretched,
    with_interval,
)
from numpy.typing import NDArray

SEEDS = (0, 1, 2)
SAMPLES = (1, 3, 10, 30)


@dataclass(frozen=True)
class Scores:
    """Of a part's pictures, in their order; each [n]."""

    score: Array
    spread: Array
    map_score: Array

    def image_auroc(self, anomalous: NDArray[np.bool_]) -> float:
        mix = stretched(self.score) / 2 + stretched(self.map_score) / 2
        return float(image_auroc(mix, anomalous, np.ones((1, len(mix))))[0])


@dataclass(frozen=True)
class Part:
    program: Path
    package: Path
    categories: tuple[Path, ...]

    def anomalous(self) -> NDArray[np.bool_]:
        return np.array([one.mask is not None for category in self.categories for one in pictures_of(category)])

    def scores(self, ways: list[Way]) -> Scores:
        """`ways`: one for each category, in their order."""
        rows = []
        for category, way in zip(self.categories, ways, strict=True):
            results = dict(inspect(self.program, self.package, category, None, way))
            for picture in pictures_of(category):
                result = results[picture.path]
                rows.append([float(str(result[name])) for name in ("score", "score_std", "map_score")])
        return Scores(*np.array(rows).T)

    def same(self, way: Way) -> Scores:
        return self.scores([way] * len(self.categories))


def ranks(values: Array) -> Array:
    """Ties share their mean rank."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[places], float)


def correlation(x: Array, y: Array, weights: Array) -> Array:
    """Pearson's, for each row of weights [rows, n]."""
    total = weights.sum(axis=1)
    mean_x, mean_y = weights @ x / total, weights @ y / total
    covariance = weights @ (x * y) / total - mean_x * mean_y
    deviations = np.sqrt((weights @ x**2 / total - mean_x**2) * (weights @ y**2 / total - mean_y**2))
    return np.asarray(covariance / np.maximum(deviations, 1e-12))


def spread_row(part: Part, name: str, resamples: int) -> str:
    anomalous = part.anomalous()
    usual = part.same(Way())
    single = [part.same(Way(seed=seed, samples=1)).score for seed in SEEDS[:2]]
    error = np.abs(anomalous - usual.score)
    found = correlation(ranks(usual.spread), ranks(error), draw(anomalous, resamples))
    apart = float(np.mean(np.abs(single[0] - single[1])))
    return f"| {name} | {usual.spread.mean():.4f} | {apart:.4f} | {with_interval(found, '{:+.2f}')} |"


def samples_rows(part: Part, name: str) -> Iterator[str]:
    anomalous = part.anomalous()
    for samples in SAMPLES:
        seeds = [part.same(Way(seed=seed, samples=samples)) for seed in SEEDS]
        auroc = float(np.mean([one.image_auroc(anomalous) for one in seeds]))
        deviation = float(np.std([one.score for one in seeds], axis=0, ddof=1).mean())
        yield f"| {name} | {samples} | {auroc:.3f} | {deviation:.4f} |"


def words_rows(part: Part, name: str) -> Iterator[str]:
    anomalous = part.anomalous()
    names = [category.name.replace("_", " ") for category in part.categories]
    usual = part.same(Way())
    for what, words in (("its own", names), ("part", ["part"] * len(names)), ("the next one's", names[1:] + names[:1])):
        found = part.scores([Way(words=each) for each in words])
        moved = float(np.abs(found.score - usual.score).mean())
        yield f"| {name} | {what} | {found.image_auroc(anomalous):.3f} | {moved:.4f} |"


def tables(program: Path, package: Path, folder: Path, resamples: int) -> Iterator[str]:
    parts = {}
    for name in PARTS:
        if not (folder / name).is_dir():
            raise ComparisonError(f"{folder} has no part {name}; evaluation-set.sh makes it")
        parts[name] = Part(program, package, tuple(sorted((folder / name).iterdir())))
    yield "| part | spread over R | between single samples | spread with error |\n|---|---|---|---|"
    for name, part in parts.items():
        yield spread_row(part, name, resamples)
    yield "\n| part | R | image AUROC | deviation over seeds |\n|---|---|---|---|"
    for name, part in parts.items():
        yield from samples_rows(part, name)
    yield "\n| part | words | image AUROC | score moves by |\n|---|---|---|---|"
    for name, part in parts.items():
        yield from words_rows(part, name)


def main() -> int:
    parser = argparse.ArgumentParser(description="Says whether a package's samples mean something.")
    parser.add_argument("package", type=Path)
    add_options(parser)
    arguments = parser.parse_args()
    return print_all("samples", tables(arguments.program, arguments.package, arguments.set, arguments.resamples))


if __name__ == "__main__":
    sys.exit(main())
