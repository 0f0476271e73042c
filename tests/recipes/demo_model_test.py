"""The demo model's recipe: its split is clean, its numbers are right, and its set is what the program makes.

BAYESPFL_MODEL_PROGRAM is the program.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
from PIL import Image

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "demo-model"
sys.path.insert(0, str(RECIPE))

import compare
import cut_photographs
import samples

PROGRAM = os.environ["BAYESPFL_MODEL_PROGRAM"]


def in_split(command: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of bash behind split.sh."""
    script = f'source "{RECIPE}/split.sh"; {command}'
    return subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=False)


def names(variable: str) -> list[str]:
    return in_split(f'printf %s "${variable}"').stdout.split(",")


def manifest() -> dict[str, str]:
    lines = (RECIPE / "evaluation-set.sha256").read_text(encoding="utf-8").splitlines()
    return {file: digest for digest, file in (line.split("  ") for line in lines)}


class PhotographsTest(unittest.TestCase):
    boxes = cut_photographs.read_list(RECIPE / "photographs.csv")

    def test_the_list_is_clean_and_large_enough(self) -> None:
        cut_photographs.check(self.boxes)
        self.assertGreaterEqual(sum(len(box.tiles()) for box in self.boxes if box.split == "held-out"), 200)

    def test_a_photograph_on_both_sides_is_refused(self) -> None:
        walls = next(box for box in self.boxes if box.file.endswith("walls-l.png"))
        moved = dataclasses.replace(walls, split="train", category="other", top=2400, height=40, tile=40)
        with self.assertRaisesRegex(ValueError, "both sides of the split"):
            cut_photographs.check([*self.boxes, moved])

    def test_a_category_on_both_sides_is_refused(self) -> None:
        other = dataclasses.replace(self.boxes[0], file="other.png", split="train")
        with self.assertRaisesRegex(ValueError, "the category window is on both sides"):
            cut_photographs.check([*self.boxes, other])

    def test_boxes_that_overlap_are_refused(self) -> None:
        other = dataclasses.replace(self.boxes[0], left=self.boxes[0].left + self.boxes[0].width - 1)
        with self.assertRaisesRegex(ValueError, "overlap"):
            cut_photographs.check([*self.boxes, other])

    def test_tiles_share_no_pixel_and_stay_in_their_box(self) -> None:
        box = dataclasses.replace(self.boxes[0], left=3, top=5, width=50, height=35, tile=16)
        seen = np.zeros((60, 60), int)
        for left, top, right, bottom in box.tiles():
            self.assertEqual((right - left, bottom - top), (16, 16))
            seen[top:bottom, left:right] += 1
        self.assertEqual(seen.max(), 1)
        self.assertEqual(seen.sum(), 6 * 16 * 16)
        self.assertEqual(seen[5:40, 3:53].sum(), seen.sum())


class SplitTest(unittest.TestCase):
    def test_every_name_of_the_program_is_on_one_side(self) -> None:
        checked = in_split("check_split")
        self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_a_name_on_no_side_is_noticed(self) -> None:
        checked = in_split("held_out_defects=crack,dent; check_split")
        self.assertNotEqual(checked.returncode, 0)
        self.assertIn("the defects that are trained on and those that are held out", checked.stderr)

    def test_the_parts_hold_what_they_say(self) -> None:
        kinds: dict[str, set[str]] = {}
        categories: dict[str, set[str]] = {}
        for file in manifest():
            part, category, _, kind, _ = file.split("/")
            kinds.setdefault(part, set()).add(kind)
            categories.setdefault(part, set()).add(category)
        held_out = {*names("held_out_surfaces"), *names("held_out_objects")}
        self.assertEqual(categories["families"], held_out)
        self.assertEqual(categories["both"], held_out)
        self.assertEqual(categories["objects"], set(names("held_out_objects")))
        self.assertEqual(categories["defects"], {*names("trained_surfaces"), *names("trained_objects")})
        self.assertFalse(kinds["families"] & set(names("held_out_defects")))
        self.assertEqual(kinds["both"], {"good", *names("held_out_defects")})
        self.assertEqual(kinds["defects"], {"good", *names("held_out_defects")})
        photographed = {box.category for box in PhotographsTest.boxes if box.split == "held-out"}
        self.assertEqual(categories["photographs"], photographed)

    def test_the_program_still_makes_the_set(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            made = in_split(
                f'make_set "{folder}/families" "$families_seed" 12 12 --families gear --defects "$trained_defects"'
            )
            self.assertEqual(made.returncode, 0, made.stderr)
            found = {
                str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
                for file in Path(folder).rglob("*.png")
            }
        self.assertEqual(found, {k: v for k, v in manifest().items() if k.startswith("families/gear/")})


class NumbersTest(unittest.TestCase):
    def test_auroc_counts_pairs_and_halves_ties(self) -> None:
        generator = np.random.default_rng(3)
        scores = generator.integers(0, 8, 40).astype(float)
        anomalous = generator.random(40) < 0.4
        pairs = [(a > b) + (a == b) / 2 for a in scores[anomalous] for b in scores[~anomalous]]
        found = compare.image_auroc(scores, anomalous, np.ones((1, 40)))
        self.assertAlmostEqual(float(found[0]), float(np.mean(pairs)), places=12)

    def test_a_picture_that_is_drawn_twice_counts_twice(self) -> None:
        scores = np.array([0.1, 0.5, 0.3, 0.9])
        anomalous = np.array([False, False, True, True])
        self.assertEqual(compare.image_auroc(scores, anomalous, np.ones((1, 4)))[0], 0.75)
        self.assertEqual(compare.image_auroc(scores, anomalous, np.array([[0.0, 2.0, 2.0, 0.0]]))[0], 0)

    def test_histograms_give_the_pixels_auroc(self) -> None:
        generator = np.random.default_rng(5)
        masks = [generator.random((40, 40)) < 0.1 for _ in range(3)]
        maps = [(generator.normal(size=mask.shape) + 1.5 * mask).astype(np.float32) for mask in masks]
        good, bad = compare.histograms(maps, masks)
        values = np.concatenate([one.ravel() for one in maps])
        marked = np.concatenate([mask.ravel() for mask in masks])
        exact = np.mean(values[marked][:, None] > values[~marked][None, :])
        draws = np.ones((1, 3))
        self.assertAlmostEqual(float(compare.auroc(draws @ good, draws @ bad)[0]), float(exact), places=3)

    def test_draws_keep_the_two_kinds_apart(self) -> None:
        anomalous = np.array([False] * 5 + [True] * 3)
        draws = compare.draw(anomalous, 50)
        np.testing.assert_array_equal(draws[0], np.ones(8))
        np.testing.assert_array_equal(draws[:, anomalous].sum(axis=1), np.full(51, 3))
        np.testing.assert_array_equal(draws[:, ~anomalous].sum(axis=1), np.full(51, 5))
        self.assertGreater(draws[1:].max(), 1)

    def test_smoothing_is_a_gaussian_with_mirrored_borders(self) -> None:
        point = np.zeros((41, 41), np.float32)
        point[20, 20] = 1
        spread = compare.smoothed(point, 3)
        self.assertAlmostEqual(float(spread.sum()), 1, places=5)
        self.assertAlmostEqual(float(spread[20, 23] / spread[20, 20]), float(np.exp(-0.5)), places=5)
        self.assertAlmostEqual(float(spread[17, 20] / spread[20, 20]), float(np.exp(-0.5)), places=5)
        np.testing.assert_allclose(compare.smoothed(np.full((9, 12), 0.25, np.float32), 4), 0.25, rtol=1e-5)

    def test_masks_come_to_the_maps_size(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "mask.png"
            Image.fromarray(np.repeat([[0, 255]], 2, axis=0).astype(np.uint8)).save(path)
            found = compare.mask_of(compare.Picture(path, path), (4, 6))
        np.testing.assert_array_equal(found, [[False] * 3 + [True] * 3] * 4)


class SamplesTest(unittest.TestCase):
    def test_ranks_halve_ties_and_count_what_is_drawn_twice(self) -> None:
        values = np.array([0.3, 0.1, 0.3, 0.2])
        # 1-based ranks of four are (r - 1/2) / 2 - 1 here.
        np.testing.assert_allclose(samples.ranks(values, np.ones((1, 4)))[0], [0.5, -0.75, 0.5, -0.25])
        drawn = samples.ranks(values, np.array([[1.0, 0.0, 0.0, 3.0]]))[0]
        np.testing.assert_allclose(drawn[[0, 3]], [0.75, -0.25])

    def test_partial_correlation_of_one_is_the_textbooks(self) -> None:
        generator = np.random.default_rng(7)
        z = generator.normal(size=50)
        x, y = z + generator.normal(size=50), generator.normal(size=50) - z
        xy, xz, yz = (np.corrcoef(*pair)[0, 1] for pair in ((x, y), (x, z), (y, z)))
        known = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
        found = samples.partial_correlation(x[None], y[None], [z[None]], np.ones((1, 50)))
        self.assertAlmostEqual(float(found[0]), float(known), places=12)

    def test_partial_correlation_of_a_draw_is_that_of_its_pictures(self) -> None:
        generator = np.random.default_rng(8)
        x, y, z = generator.normal(size=(3, 30))
        draws = generator.integers(0, 3, (4, 30)).astype(float)
        rows = [np.broadcast_to(one, draws.shape) for one in (x, y, z)]
        found = samples.partial_correlation(rows[0], rows[1], [rows[2]], draws)
        for drawn, value in zip(draws.astype(int), found, strict=True):
            repeated = [np.repeat(one, drawn)[None] for one in (x, y, z)]
            again = samples.partial_correlation(repeated[0], repeated[1], repeated[2:], np.ones(repeated[0].shape))
            self.assertAlmostEqual(float(value), float(again[0]), places=12)

    def test_partial_correlation_is_nothing_where_nothing_is_left(self) -> None:
        x, y = np.random.default_rng(9).normal(size=(2, 1, 20))
        ones = np.ones((1, 20))
        self.assertEqual(samples.partial_correlation(3 * x + 1, y, [x], ones)[0], 0)
        self.assertEqual(samples.partial_correlation(x, ones, [y], ones)[0], 0)

    def test_nearness_and_spread_are_judged_by_the_verdict(self) -> None:
        score = np.array([0.1, 0.4, 0.45, 0.9, 0.5, 0.7])
        anomalous = np.array([False, False, True, True, False, False])  # the third, fifth and sixth are wrong
        spread = np.array([0.0, 0.1, 0.2, 0.1, 0.1, 0.3])
        found = samples.measures(score, spread, anomalous, np.ones((1, 6)))[:, 0]
        np.testing.assert_allclose(found[:3], [8 / 9, 8 / 9, 0], atol=1e-12)

    def test_a_spread_that_follows_from_the_score_says_nothing_beyond_it(self) -> None:
        # True probabilities, crowded at both ends: the spread goes with the distance of score and label, and knows nothing.
        beyond: dict[str, list[float]] = {"score": [], "verdict": []}
        apart = []
        ones = np.ones((1, 200))
        for seed in range(60):
            generator = np.random.default_rng(seed)
            score = generator.beta(0.4, 0.4, 200)
            anomalous = generator.random(200) < score
            noise = np.exp(0.5 * generator.normal(size=200))
            spreads = {
                "score": score * (1 - score) * noise,
                "verdict": score * (1 - score) * noise * np.where((score >= 0.5) != anomalous, 2, 1),
            }
            for name, spread in spreads.items():
                beyond[name].append(float(samples.measures(score, spread, anomalous, ones)[3, 0]))
            distance = np.abs(anomalous - score)
            apart.append(np.corrcoef(samples.ranks(spreads["score"], ones), samples.ranks(distance, ones))[0, 1])
        self.assertGreater(np.mean(apart), 0.7)
        self.assertLess(abs(np.mean(beyond["score"])), 0.03)
        self.assertGreater(np.mean(beyond["verdict"]), 0.3)

    def test_the_error_over_seeds_of_a_mean_is_the_usual_one(self) -> None:
        values = np.array([0.2, 0.5, 0.4, 0.9])
        error = values.std(ddof=1) / 2
        self.assertEqual(samples.over_seeds(np.mean, values, "{:.6f}"), f"0.500000 ± {error:.6f}")

    def test_the_deviation_over_seeds_is_that_of_the_scores(self) -> None:
        # A mean of deviations of three would be 11 % too small.
        scores = np.random.default_rng(10).normal(0, 0.02, (3, 20000))
        self.assertAlmostEqual(samples.deviation(scores), 0.02, delta=0.0002)


if __name__ == "__main__":
    unittest.main()
