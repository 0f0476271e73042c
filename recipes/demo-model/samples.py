#!/usr/bin/env python3
"""Says of a package whether its samples of prompts mean something, by the held-out set, as Markdown tables.

    samples.py --set FOLDER PACKAGE       # FOLDER: what evaluation-set.sh made

Of each part of the set:

    spread        whether the spread, the deviation of a picture's score over 10 samples, says that the verdict is wrong, that
                  is, that the score is not on its label's side of 0.5. A score near 0.5 has a larger spread and is wrong
                  more often by itself; so beside it what nearness to 0.5 says, and what the spread says once the score is
                  known. Every number is a mean over the seeds; intervals as compare.py's
    R             image AUROC (compare.py's mix) with 1, 3, 10 and 30 samples, mean over the seeds; what it gains over one
                  sample with the same seed; and the deviation of a score from seed to seed, root mean square over pictures.
                  Pictures share a seed's image-agnostic noise, so it is seeds that count here: behind ± is the standard
                  error over them, by the jackknife
    words         image AUROC with the category's name, with "part" for all, and with another category's name; and how far
                  scores move
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
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

SEEDS = tuple(range(10))
SAMPLES = (1, 3, 10, 30)
USUAL = 10  # samples whose spread is judged
THRESHOLD = 0.5


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


def ranks(values: Array, draws: Array) -> Array:
    """[rows, n]: ranks in each draw, brought to -1..1. Ties share their mean rank."""
    _, places = np.unique(values, return_inverse=True)
    counts = draws @ np.eye(places.max() + 1)[places]
    middles = np.cumsum(counts, axis=1) - counts / 2
    return np.asarray((2 * middles / draws.sum(axis=1, keepdims=True) - 1)[:, places])


def partial_correlation(x: Array, y: Array, given: list[Array], draws: Array) -> Array:
    """Pearson's, in each draw, of what a linear regression on `given` leaves of x and y; all are [rows, n]. 0 where it
    leaves nothing.
    """
    weights = np.sqrt(draws)[..., None]
    base, _ = np.linalg.qr(weights * np.stack([np.ones_like(draws), *given], axis=-1))
    whole = weights * np.stack([x, y], axis=-1)
    left = whole - base @ (base.swapaxes(1, 2) @ whole)
    lengths = np.linalg.norm(left, axis=1)
    some = (lengths > 1e-6 * np.linalg.norm(whole, axis=1)).all(axis=1)
    return np.asarray(np.where(some, left.prod(axis=2).sum(axis=1) / np.where(some, lengths.prod(axis=1), 1), 0))


def measures(score: Array, spread: Array, anomalous: NDArray[np.bool_], draws: Array) -> Array:
    """[4, rows], in each draw: how well spread and nearness to the threshold tell wrong verdicts from right ones (AUROC), the
    first less the second, and the correlation of the spread's rank with wrong, given the score.

    Given: cubic polynomials of the ranks of score and nearness. Straight lines would not do: where scores crowd at 0 and 1, a
    spread that follows from the score alone then seems to say something.
    """
    wrong = (score >= THRESHOLD) != anomalous
    nearness = -np.abs(score - THRESHOLD)
    by_spread, by_nearness = (image_auroc(values, wrong, draws) for values in (spread, nearness))
    given = [ranks(values, draws) ** power for values in (score, nearness) for power in (1, 2, 3)]
    beyond = partial_correlation(ranks(spread, draws), np.broadcast_to(wrong, draws.shape), given, draws)
    return np.stack([by_spread, by_nearness, by_spread - by_nearness, beyond])


def over_seeds(statistic: Callable[[Array], float], values: Array, form: str) -> str:
    """Of values [seeds, ...]: their statistic and its standard error, by the jackknife."""
    without = np.array([statistic(np.delete(values, i, axis=0)) for i in range(len(values))])
    error = np.sqrt((len(values) - 1) * without.var())
    return f"{form} ± {form.replace('+', '')}".format(statistic(values), error)


def deviation(scores: Array) -> float:
    """Of scores [seeds, pictures]: from seed to seed, root mean square over pictures."""
    return float(np.sqrt(scores.var(axis=0, ddof=1).mean()))


def spread_rows(judged: dict[str, dict[int, list[Scores]]], parts: dict[str, Part], resamples: int) -> Iterator[str]:
    forms = ("{:.2f}", "{:.2f}", "{:+.2f}", "{:+.2f}")
    every = []
    for name, part in parts.items():
        seeds, anomalous = judged[name][USUAL], part.anomalous()
        draws = draw(anomalous, resamples)
        found = np.mean([measures(one.score, one.spread, anomalous, draws) for one in seeds], axis=0)
        every.append(found)
        wrong = np.mean([((one.score >= THRESHOLD) != anomalous).sum() for one in seeds])
        spread = np.mean([one.spread for one in seeds])
        cells = [with_interval(numbers, form) for numbers, form in zip(found, forms, strict=True)]
        yield f"| {name} | {spread:.4f} | {wrong:.0f} of {len(anomalous)} | {' | '.join(cells)} |"
    # Parts differ in size, so that their draws hardly share numbers of the generator.
    cells = [with_interval(numbers, form) for numbers, form in zip(np.mean(every, axis=0), forms, strict=True)]
    yield f"| mean of the parts | | | {' | '.join(cells)} |"


def samples_rows(judged: dict[int, list[Scores]], part: Part, name: str) -> Iterator[str]:
    anomalous = part.anomalous()
    aurocs = {samples: np.array([one.image_auroc(anomalous) for one in seeds]) for samples, seeds in judged.items()}
    fewest = min(judged)
    for samples, seeds in judged.items():
        mean = over_seeds(np.mean, aurocs[samples], "{:.3f}")
        better = "" if samples == fewest else over_seeds(np.mean, aurocs[samples] - aurocs[fewest], "{:+.4f}")
        steadier = over_seeds(deviation, np.array([one.score for one in seeds]), "{:.4f}")
        yield f"| {name} | {samples} | {mean} | {better} | {steadier} |"


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
    judged = {
        name: {samples: [part.same(Way(seed=seed, samples=samples)) for seed in SEEDS] for samples in SAMPLES}
        for name, part in parts.items()
    }
    yield "| part | spread | wrong | AUROC of spread | AUROC of nearness | difference | spread with wrong, given the score |"
    yield "|---|---|---|---|---|---|---|"
    yield from spread_rows(judged, parts, resamples)
    yield f"\n| part | R | image AUROC | less that of R = {min(SAMPLES)} | deviation over seeds |\n|---|---|---|---|---|"
    for name, part in parts.items():
        yield from samples_rows(judged[name], part, name)
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
