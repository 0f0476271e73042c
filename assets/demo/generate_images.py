#!/usr/bin/env python3
"""Paints the demo pictures: procedural industrial surfaces, one flawless and two defective of each category.

Nothing photographed and nothing taken from elsewhere: every pixel is computed here from a seed, so the pictures carry
the project's own licence. Needs numpy and Pillow only.

    python3 generate_images.py                                # the demo set, into images/ beside this file
    python3 generate_images.py --output DIR --masks DIR       # elsewhere, and the ground-truth masks of the defects
    python3 generate_images.py --calibration DIR --count 12   # 12 other flawless pictures per category

The calibration pictures never share a seed with the demo pictures: a threshold taken from them has not seen the demo.
Pictures are float arrays [height, width, 3] in 0..1 until they are saved; lengths are pixels unless said otherwise.
"""

from __future__ import annotations

import argparse
import csv
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Array = NDArray[np.float64]
Rng = np.random.Generator
Point = tuple[float, float]

JPEG_QUALITY = 90
# Lines and holes are drawn this many times larger and then reduced: anti-aliasing by averaging.
SUPERSAMPLING = 3
PATH_STEP = 6.0


@dataclass
class Scene:
    """A flawless surface and what a defect needs to know about it.

    image   [H, W, 3], the surface as lit, before the camera's noise.
    light   unit vector (down, right) pointing towards the lamp, in the picture's plane.
    region  [H, W], 1 where there is material to be damaged, 0 in an opening; material everywhere if None.
    grain   direction of the structure in radians (0 = along x); scratches cross it.
    """

    image: Array
    light: Point
    region: Array | None = None
    grain: float = 0.0


@dataclass(frozen=True)
class Category:
    """One row of the demo: its name in words, its painter, picture size (height, width) and its two defects."""

    name: str
    paint: Callable[[Rng, int, int], Scene]
    size: tuple[int, int]
    defects: tuple[str, str]

    @property
    def folder(self) -> str:
        return self.name.replace(" ", "_")


# ---------------------------------------------------------------------------------------------------------- noise


def blur(values: Array, sigma_y: float, sigma_x: float) -> Array:
    """Gaussian blur of a [H, W] field with mirrored borders; sigmas may differ to make streaks."""
    height, width = values.shape
    pad_y, pad_x = min(height - 1, int(3 * sigma_y) + 1), min(width - 1, int(3 * sigma_x) + 1)
    padded = np.pad(values, ((pad_y, pad_y), (pad_x, pad_x)), mode="reflect")
    freq_y = np.fft.fftfreq(padded.shape[0])[:, None]
    freq_x = np.fft.rfftfreq(padded.shape[1])[None, :]
    kernel = np.exp(-2.0 * np.pi**2 * ((sigma_y * freq_y) ** 2 + (sigma_x * freq_x) ** 2))
    result: Array = np.fft.irfft2(np.fft.rfft2(padded) * kernel, s=padded.shape)
    return result[pad_y : pad_y + height, pad_x : pad_x + width]


def standardise(values: Array) -> Array:
    """Zero mean, unit deviation."""
    result: Array = (values - values.mean()) / (values.std() + 1e-12)
    return result


def streaks(rng: Rng, height: int, width: int, sigma_y: float, sigma_x: float) -> Array:
    """Unit-deviation noise smoothed by the given sigmas."""
    return standardise(blur(rng.standard_normal((height, width)), sigma_y, sigma_x))


def fractal(rng: Rng, height: int, width: int, exponent: float, largest: float) -> Array:
    """Unit-deviation noise whose amplitude falls with frequency**exponent; no structure larger than `largest`."""
    size_y, size_x = 2 * height, 2 * width  # twice the size, then cropped: the Fourier sum alone would tile
    freq = np.hypot(np.fft.fftfreq(size_y)[:, None], np.fft.rfftfreq(size_x)[None, :])
    amplitude = 1.0 / np.maximum(freq, 1.0 / largest) ** exponent
    spectrum = np.fft.rfft2(rng.standard_normal((size_y, size_x))) * amplitude
    return standardise(np.fft.irfft2(spectrum, s=(size_y, size_x))[:height, :width])


def cells(rng: Rng, height: int, width: int, pitch: float, warp: float) -> tuple[Array, Array, NDArray[np.int64]]:
    """Worley cells of about `pitch` pixels: distance to the nearest and second point (in pitches) and the cell number.

    `warp` bends the borders by that many pixels so that cells do not look like polygons.
    """
    grid_y, grid_x = np.mgrid[0:height, 0:width].astype(np.float64)
    if warp > 0:
        grid_y = grid_y + warp * fractal(rng, height, width, 1.2, 4 * pitch)
        grid_x = grid_x + warp * fractal(rng, height, width, 1.2, 4 * pitch)
    pos_y, pos_x = grid_y / pitch + 4.0, grid_x / pitch + 4.0
    rows, columns = int(height / pitch) + 12, int(width / pitch) + 12
    offsets = rng.uniform(0.05, 0.95, (rows, columns, 2))
    cell_y = np.clip(pos_y.astype(np.int64), 2, rows - 3)
    cell_x = np.clip(pos_x.astype(np.int64), 2, columns - 3)
    first = np.full((height, width), np.inf)
    second = np.full((height, width), np.inf)
    owner = np.zeros((height, width), dtype=np.int64)
    for step_y in (-1, 0, 1):
        for step_x in (-1, 0, 1):
            near_y, near_x = cell_y + step_y, cell_x + step_x
            point = offsets[near_y, near_x]
            distance = np.hypot(pos_y - near_y - point[..., 0], pos_x - near_x - point[..., 1])
            closer = distance < first
            second = np.where(closer, first, np.minimum(second, distance))
            owner = np.where(closer, near_y * columns + near_x, owner)
            first = np.where(closer, distance, first)
    return first, second, owner


# ------------------------------------------------------------------------------------------------- light and colour


def random_light(rng: Rng) -> Point:
    """A lamp somewhere above the picture, up to 60 degrees left or right of the vertical."""
    angle = rng.uniform(-np.pi / 3, np.pi / 3)
    return -float(np.cos(angle)), float(np.sin(angle))


def shade(relief: Array, light: Point, depth: float) -> Array:
    """Lambert shading of a height field, 1 on flat ground; `depth` scales the slopes."""
    slope_y, slope_x = np.gradient(relief)
    slope_y, slope_x = depth * slope_y, depth * slope_x
    tilt = 0.75  # the lamp's horizontal part; the vertical part is 1
    lit: Array = (1.0 - tilt * (slope_y * light[0] + slope_x * light[1])) / np.sqrt(1.0 + slope_y**2 + slope_x**2)
    return lit


def ramp(values: Array, *colours: tuple[float, float, float]) -> Array:
    """Maps 0..1 linearly along the given colours to [H, W, 3]."""
    stops = np.linspace(0.0, 1.0, len(colours))
    table = np.asarray(colours)
    return np.stack([np.interp(values, stops, table[:, channel]) for channel in range(3)], axis=-1)


def tint(values: Array, colour: tuple[float, float, float]) -> Array:
    """Brightness [H, W] times a colour."""
    result: Array = values[..., None] * np.asarray(colour)
    return result


def smoothstep(values: Array, low: float, high: float) -> Array:
    """0 below low, 1 above high, smooth between; the other way round if low is above high."""
    part = np.clip((values - low) / (high - low), 0.0, 1.0)
    return part * part * (3.0 - 2.0 * part)


def mix(base: Array, other: Array, weight: Array) -> Array:
    """base where weight [H, W] is 0, other where it is 1."""
    return base + (other - base) * weight[..., None]


def jitter(rng: Rng, colour: tuple[float, float, float], amount: float) -> tuple[float, float, float]:
    """The colour, each channel scaled by up to +-amount and all by a common factor of the same size."""
    scale = (1.0 + rng.uniform(-amount, amount)) * (1.0 + 0.4 * rng.uniform(-amount, amount, 3))
    red, green, blue = np.clip(np.asarray(colour) * scale, 0.0, 1.0)
    return float(red), float(green), float(blue)


# -------------------------------------------------------------------------------------------------------- surfaces


def steel(rng: Rng, height: int, width: int, strength: float) -> Array:
    """Brightness of ground steel, streaks along x, mean about 0.6."""
    fine = streaks(rng, height, width, 0.4, 25.0)
    broad = streaks(rng, height, width, 1.5, 120.0)
    grain = streaks(rng, height, width, 0.5, 3.0)
    return 0.6 + strength * (0.045 * fine + 0.03 * broad + 0.02 * grain)


def paint_brushed_metal(rng: Rng, height: int, width: int) -> Scene:
    value = steel(rng, height, width, 1.0)
    axis = np.linspace(-1.0, 1.0, width)[None, :]
    value = value + 0.06 * np.exp(-((axis - rng.uniform(-0.5, 0.5)) ** 2) / 0.5)
    return Scene(tint(value, jitter(rng, (0.97, 0.98, 1.0), 0.04)), random_light(rng), grain=0.0)


def paint_wood(rng: Rng, height: int, width: int) -> Scene:
    x = np.arange(width)[None, :] / width
    drift = blur(rng.standard_normal((height, width)), 90.0, 30.0)
    wobble = blur(rng.standard_normal((height, width)), 40.0, 3.0)
    phase = rng.uniform(11, 15) * x + 0.45 * standardise(drift) + 0.05 * standardise(wobble)
    ring = phase - np.floor(phase)
    late = smoothstep(ring, 0.25, 0.9) * (1.0 - smoothstep(ring, 0.93, 1.0))
    fibre = streaks(rng, height, width, 30.0, 0.5)
    pores = smoothstep(streaks(rng, height, width, 6.0, 0.6), 1.9, 2.8)
    value = 0.72 - 0.30 * late + 0.06 * fibre - 0.22 * pores + 0.03 * streaks(rng, height, width, 60.0, 8.0)
    dark, light_brown = jitter(rng, (0.36, 0.21, 0.11), 0.08), jitter(rng, (0.86, 0.66, 0.44), 0.06)
    return Scene(ramp(np.clip(value, 0.0, 1.0), dark, light_brown), random_light(rng), grain=np.pi / 2)


def paint_leather(rng: Rng, height: int, width: int) -> Scene:
    light = random_light(rng)
    first, second, _ = cells(rng, height, width, rng.uniform(12, 15), 2.5)
    pebbles = smoothstep(second - first, 0.0, 0.45) * (1.0 - 0.35 * first)
    relief = 5.0 * pebbles + 1.2 * fractal(rng, height, width, 1.4, 60.0) + 0.1 * rng.standard_normal((height, width))
    lit = shade(blur(relief, 0.8, 0.8), light, 0.35)
    gloss = np.clip(lit - 1.05, 0.0, 1.0) * 0.35
    value = np.clip(0.25 + 0.6 * lit + 0.16 * (pebbles - 0.6), 0.0, 1.4)
    image = tint(value, jitter(rng, (0.50, 0.29, 0.17), 0.10)) + gloss[..., None]
    return Scene(image, light)


def paint_woven_fabric(rng: Rng, height: int, width: int) -> Scene:
    pitch = rng.uniform(14.0, 16.0)
    grid_y, grid_x = np.mgrid[0:height, 0:width].astype(np.float64)
    grid_y = grid_y + 1.2 * standardise(blur(rng.standard_normal((height, width)), 30.0, 60.0))
    grid_x = grid_x + 1.2 * standardise(blur(rng.standard_normal((height, width)), 60.0, 30.0))
    row, column = np.floor(grid_y / pitch), np.floor(grid_x / pitch)
    over = (row + column) % 2  # 1: the warp thread (vertical) lies on top
    across_y = np.sin(np.pi * (grid_y / pitch - row))
    across_x = np.sin(np.pi * (grid_x / pitch - column))
    warp_tone = rng.normal(1.0, 0.035, int(width / pitch) + 8)[np.clip(column + 3, 0, None).astype(np.int64)]
    weft_tone = rng.normal(1.0, 0.035, int(height / pitch) + 8)[np.clip(row + 3, 0, None).astype(np.int64)]
    warp = (0.35 + 0.65 * across_x) * (0.62 + 0.38 * across_y) * (1.0 + 0.09 * streaks(rng, height, width, 5.0, 0.7))
    weft = (0.35 + 0.65 * across_y) * (0.62 + 0.38 * across_x) * (1.0 + 0.09 * streaks(rng, height, width, 0.7, 5.0))
    base = jitter(rng, (0.62, 0.66, 0.70), 0.08)
    image = mix(tint(weft * weft_tone, base), tint(warp * warp_tone, jitter(rng, base, 0.06)), over)
    return Scene(0.06 + image, random_light(rng))


def paint_ceramic_tile(rng: Rng, height: int, width: int) -> Scene:
    light = random_light(rng)
    pitch = height / 3.0
    shift_y, shift_x = rng.uniform(0.2, 0.8, 2) * pitch
    grid_y, grid_x = np.mgrid[0:height, 0:width].astype(np.float64)
    part_y, part_x = (grid_y + shift_y) / pitch, (grid_x + shift_x) / pitch
    row, column = np.floor(part_y).astype(np.int64), np.floor(part_x).astype(np.int64)
    edge_y, edge_x = np.minimum(part_y - row, row + 1 - part_y), np.minimum(part_x - column, column + 1 - part_x)
    edge = pitch * np.minimum(edge_y, edge_x)
    joint = 1.0 - smoothstep(edge + 0.25 * fractal(rng, height, width, 1.0, 20.0), 3.0, 4.6)
    dome = 4.0 * smoothstep(edge, 3.5, 10.0)
    tone = rng.normal(1.0, 0.012, (row.max() + 1, column.max() + 1))[row, column]
    mottle = 1.0 + 0.016 * fractal(rng, height, width, 1.5, 50.0) + 0.008 * fractal(rng, height, width, 0.4, 8.0)
    glaze = tint(tone * mottle * shade(dome, light, 0.25), jitter(rng, (0.78, 0.80, 0.76), 0.05))
    grout = tint(0.52 + 0.04 * fractal(rng, height, width, 0.6, 10.0), (1.0, 0.97, 0.92))
    return Scene(mix(glaze, grout, joint), light)


def paint_carpet(rng: Rng, height: int, width: int) -> Scene:
    first, _, owner = cells(rng, height, width, 8.5, 1.0)
    tone = rng.normal(1.0, 0.10, owner.max() + 1)[owner]
    tuft = 0.55 + 0.55 * np.clip(1.0 - 1.05 * first**2, 0.0, 1.0)
    hair = 1.0 + 0.10 * fractal(rng, height, width, 0.35, 6.0)
    pile = 1.0 + 0.035 * standardise(blur(rng.standard_normal((height, width)), 25.0, 25.0))
    return Scene(tint(0.95 * tone * tuft * hair * pile, jitter(rng, (0.36, 0.42, 0.55), 0.10)), random_light(rng))


def paint_granite(rng: Rng, height: int, width: int) -> Scene:
    image = np.zeros((height, width, 3))
    minerals = np.array([(0.80, 0.74, 0.70), (0.66, 0.64, 0.63), (0.55, 0.54, 0.55), (0.27, 0.26, 0.27)])
    minerals = minerals * rng.uniform(0.95, 1.05, 3)
    for pitch, share in ((11.0, 0.6), (5.5, 0.4)):
        _, _, owner = cells(rng, height, width, pitch, 2.0)
        kind = rng.choice(4, size=owner.max() + 1, p=[0.38, 0.30, 0.20, 0.12])
        tone = rng.normal(1.0, 0.05, owner.max() + 1)
        image += share * minerals[kind[owner]] * tone[owner][..., None]
    image *= (1.0 + 0.04 * fractal(rng, height, width, 0.5, 20.0))[..., None]
    return Scene(np.stack([blur(image[..., channel], 0.6, 0.6) for channel in range(3)], axis=-1), random_light(rng))


def paint_plaster(rng: Rng, height: int, width: int) -> Scene:
    light = random_light(rng)
    relief = 3.0 * fractal(rng, height, width, 1.25, 24.0) + 1.0 * fractal(rng, height, width, 0.6, 8.0)
    value = 0.72 * shade(blur(relief, 0.7, 0.7), light, 0.16) + 0.015 * fractal(rng, height, width, 1.5, 120.0)
    return Scene(tint(value, jitter(rng, (0.98, 0.95, 0.88), 0.05)), light)


def paint_perforated_sheet(rng: Rng, height: int, width: int) -> Scene:
    light = random_light(rng)
    pitch = rng.uniform(0.97, 1.03) * 60.0
    radius = 0.29 * pitch
    plain = tint(steel(rng, height, width, 0.6) + 0.03, jitter(rng, (0.98, 0.99, 1.0), 0.04))
    grid_y, grid_x = np.mgrid[0:height, 0:width].astype(np.float64)
    start_y, start_x = rng.uniform(0.0, pitch, 2)
    nearest = np.full((height, width), np.inf)
    rim_side = np.zeros((height, width))
    spacing = pitch * np.sqrt(3.0) / 2.0
    for row in range(-2, int(height / spacing) + 3):
        for column in range(-2, int(width / pitch) + 3):
            centre_y = start_y + row * spacing
            centre_x = start_x + (column + 0.5 * (row % 2)) * pitch
            off_y, off_x = grid_y - centre_y, grid_x - centre_x
            distance = np.hypot(off_y, off_x)
            closer = distance < nearest
            nearest = np.where(closer, distance, nearest)
            side = (off_y * light[0] + off_x * light[1]) / np.maximum(distance, 1.0)
            rim_side = np.where(closer, side, rim_side)
    rim = np.exp(-(((nearest - radius) / 1.6) ** 2))
    metal = plain - (0.16 * rim * rim_side)[..., None]
    opening = 1.0 - smoothstep(nearest, radius - 0.9, radius + 0.9)
    dark = tint(0.10 + 0.05 * smoothstep(-rim_side * nearest / radius, -0.2, 1.0), (0.9, 0.95, 1.0))
    return Scene(mix(metal, dark, opening), light, region=1.0 - opening)


# --------------------------------------------------------------------------------------------------------- defects


def draw_lines(height: int, width: int, lines: list[tuple[list[Point], float]]) -> Array:
    """Coverage [H, W] of poly-lines given as (points (y, x), width in pixels)."""
    scale = SUPERSAMPLING
    canvas = Image.new("L", (width * scale, height * scale))
    draw = ImageDraw.Draw(canvas)
    for points, thickness in lines:
        scaled = [(x * scale, y * scale) for y, x in points]
        draw.line(scaled, fill=255, width=max(1, round(thickness * scale)), joint="curve")
    return np.asarray(canvas.resize((width, height), Image.Resampling.BOX), dtype=np.float64) / 255.0


def place(rng: Rng, scene: Scene, margin: float) -> Point:
    """A random spot (y, x) at least `margin` (a fraction of the side) from the border."""
    height, width = scene.image.shape[:2]
    return float(rng.uniform(margin, 1 - margin) * height), float(rng.uniform(margin, 1 - margin) * width)


def inside(scene: Scene, weight: Array) -> Array:
    """The weight, limited to where there is material."""
    return weight if scene.region is None else weight * scene.region


def beside(weight: Array, light: Point, distance: int) -> Array:
    """The weight moved away from the lamp: where a shadow falls."""
    return np.roll(weight, (round(-distance * light[0]), round(-distance * light[1])), axis=(0, 1))


def wander(rng: Rng, start: Point, angle: float, length: float, bend: float) -> list[Point]:
    """A path of the given length that turns by about `bend` radians every PATH_STEP pixels."""
    y, x = start
    path = [(y, x)]
    for _ in range(max(2, int(length / PATH_STEP))):
        angle += rng.normal(0.0, bend)
        y, x = y + PATH_STEP * float(np.sin(angle)), x + PATH_STEP * float(np.cos(angle))
        path.append((y, x))
    return path


def blob(rng: Rng, scene: Scene, centre: Point, radius: float, roughness: float) -> Array:
    """An irregular round patch: 1 well inside, falling through 0.5 at its outline."""
    height, width = scene.image.shape[:2]
    grid_y, grid_x = np.mgrid[0:height, 0:width].astype(np.float64)
    stretch, turn = rng.uniform(0.75, 1.3), rng.uniform(0.0, np.pi)
    off_y, off_x = grid_y - centre[0], grid_x - centre[1]
    along = off_x * np.cos(turn) + off_y * np.sin(turn)
    across = off_y * np.cos(turn) - off_x * np.sin(turn)
    distance = np.hypot(along * stretch, across / stretch) / radius
    patch: Array = 1.0 - (distance + roughness * fractal(rng, height, width, 1.6, 3 * radius)) / 2.0
    return patch


def scratch(rng: Rng, scene: Scene) -> tuple[Array, Array]:
    """Two or three gouges across the grain: a bright furrow with a dark flank."""
    height, width = scene.image.shape[:2]
    side = min(height, width)
    angle = scene.grain + np.pi / 2 + rng.uniform(-0.8, 0.8)
    centre = place(rng, scene, 0.33)
    lines: list[tuple[list[Point], float]] = []
    for number in range(int(rng.integers(2, 4))):
        length = side * (rng.uniform(0.34, 0.46) if number == 0 else rng.uniform(0.15, 0.3))
        slip_y, slip_x = rng.uniform(-0.05, 0.05, 2) * side
        start = (centre[0] + slip_y - 0.5 * length * np.sin(angle), centre[1] + slip_x - 0.5 * length * np.cos(angle))
        thickness = side * (rng.uniform(0.0065, 0.0085) if number == 0 else 0.0045)
        lines.append((wander(rng, start, angle, length, 0.03), thickness))
    furrow = inside(scene, draw_lines(height, width, lines))
    ragged = furrow * np.clip(0.9 + 0.25 * fractal(rng, height, width, 0.5, 12.0), 0.0, 1.0)
    dark = inside(scene, beside(furrow, scene.light, max(2, round(0.0055 * side)))) * (1.0 - furrow)
    image = scene.image * (1.0 - 0.55 * dark[..., None])
    bright = np.clip(scene.image.mean(axis=(0, 1)) * 0.45 + 0.53, 0.0, 0.97)
    return mix(image, np.broadcast_to(bright, image.shape), 0.9 * ragged), np.maximum(furrow, dark)


def crack(rng: Rng, scene: Scene) -> tuple[Array, Array]:
    """A branching dark crack with one lit edge."""
    height, width = scene.image.shape[:2]
    side = min(height, width)
    angle = rng.uniform(0.0, 2 * np.pi)
    centre = place(rng, scene, 0.4)
    length = side * rng.uniform(0.5, 0.65)
    start = (centre[0] - 0.5 * length * np.sin(angle), centre[1] - 0.5 * length * np.cos(angle))
    trunk = wander(rng, start, angle, length, 0.30)
    lines: list[tuple[list[Point], float]] = [(trunk, 2.6)]
    lines += [(trunk[number : number + 5], rng.uniform(2.0, 4.5)) for number in range(0, len(trunk) - 4, 4)]
    for turn in (0.8, -0.7):
        root = trunk[int(rng.integers(len(trunk) // 4, 3 * len(trunk) // 4))]
        branch = wander(rng, root, angle + turn, side * rng.uniform(0.12, 0.25), 0.3)
        lines += [(branch, 1.6), (branch[: len(branch) // 2], 2.4)]
    gap = inside(scene, draw_lines(height, width, lines))
    edge = np.clip(inside(scene, beside(gap, scene.light, 2)) - gap, 0.0, 1.0)
    image = scene.image * (1.0 + 0.22 * edge[..., None])
    return mix(image, 0.22 * scene.image, np.clip(1.1 * blur(gap, 0.5, 0.5), 0.0, 1.0)), np.maximum(gap, edge)


def stain(rng: Rng, scene: Scene) -> tuple[Array, Array]:
    """A dried spill: darker and browner, with a darker border and a few splashes."""
    side = min(scene.image.shape[:2])
    centre = place(rng, scene, 0.3)
    reach = rng.uniform(0.085, 0.125) * side
    spill = blob(rng, scene, centre, reach, 0.22)
    for _ in range(3):
        angle, distance = rng.uniform(0.0, 2 * np.pi), rng.uniform(1.3, 1.9) * reach
        spot = (centre[0] + distance * np.sin(angle), centre[1] + distance * np.cos(angle))
        spill = np.maximum(spill, blob(rng, scene, spot, 0.2 * reach, 0.15))
    wet = inside(scene, smoothstep(spill, 0.47, 0.53))
    border = inside(scene, np.exp(-(((spill - 0.53) / 0.05) ** 2)))
    filter_colour = np.asarray(jitter(rng, (0.62, 0.46, 0.30), 0.10))
    image = mix(scene.image, scene.image * filter_colour, 0.92 * wet)
    return image * (1.0 - 0.30 * (border * wet)[..., None]), wet


def hole(rng: Rng, scene: Scene) -> tuple[Array, Array]:
    """A torn or drilled opening: dark inside, lit and frayed at the rim."""
    side = min(scene.image.shape[:2])
    spread = blob(rng, scene, place(rng, scene, 0.25), rng.uniform(0.05, 0.07) * side, 0.10)
    opening = inside(scene, smoothstep(spread, 0.46, 0.54))
    rim = inside(scene, np.exp(-(((spread - 0.42) / 0.07) ** 2)))
    slope_y, slope_x = np.gradient(blur(opening, 2.0, 2.0))
    facing = np.clip(12.0 * (slope_y * scene.light[0] + slope_x * scene.light[1]), -1.0, 1.0)
    image = np.clip(scene.image * (1.0 - 0.35 * (facing * rim)[..., None]) * (1.0 - 0.10 * rim[..., None]), 0.0, 1.0)
    depth = 0.10 + 0.08 * smoothstep(beside(opening, scene.light, -6), 0.9, 0.1)
    return mix(image, 0.8 * tint(depth, (1.0, 0.95, 0.9)), opening), np.maximum(opening, smoothstep(rim, 0.4, 0.6))


def dent(rng: Rng, scene: Scene) -> tuple[Array, Array]:
    """A round impact: the side facing the lamp is bright, the other in shade, the texture pressed inwards."""
    height, width = scene.image.shape[:2]
    centre = place(rng, scene, 0.25)
    radius = rng.uniform(0.055, 0.08) * min(height, width)
    grid_y, grid_x = np.mgrid[0:height, 0:width].astype(np.float64)
    off_y, off_x = grid_y - centre[0], grid_x - centre[1]
    distance = np.hypot(off_y, off_x * rng.uniform(0.85, 1.15)) / radius
    bowl = inside(scene, 1.0 - smoothstep(distance, 0.75, 1.25))
    pull = 1.0 + 0.25 * bowl
    source_y = np.clip(centre[0] + off_y * pull, 0, height - 1).astype(np.int64)
    source_x = np.clip(centre[1] + off_x * pull, 0, width - 1).astype(np.int64)
    side = (off_y * scene.light[0] + off_x * scene.light[1]) / radius
    lit = -np.clip(side, -1.0, 1.0) * bowl
    rim = np.exp(-(((distance - 1.0) / 0.13) ** 2)) * np.clip(side, -1.0, 1.0)
    image = scene.image[source_y, source_x] * (1.0 + 0.55 * lit + 0.18 * inside(scene, rim) - 0.12 * bowl)[..., None]
    return image, smoothstep(distance, 1.3, 1.2)


def fibre(rng: Rng, scene: Scene) -> tuple[Array, Array]:
    """A loose foreign thread lying on the surface, with its shadow."""
    height, width = scene.image.shape[:2]
    path = np.asarray(wander(rng, (0.0, 0.0), rng.uniform(0.0, 2 * np.pi), 0.75 * min(height, width), 0.22))
    path += np.asarray(place(rng, scene, 0.42)) - 0.5 * (path.min(axis=0) + path.max(axis=0))
    points: list[Point] = [(float(y), float(x)) for y, x in path]
    thread = draw_lines(height, width, [(points, 4.4)])
    core = draw_lines(height, width, [(points, 1.8)])
    shadow = blur(beside(thread, scene.light, 4), 1.5, 1.5)
    dark_ground = scene.image.mean() < 0.42
    colour = jitter(rng, (0.93, 0.89, 0.80) if dark_ground else (0.62, 0.13, 0.11), 0.06)
    image = scene.image * (1.0 - 0.45 * shadow[..., None])
    tone = (0.82 + 0.25 * core) * (1.0 + 0.06 * rng.standard_normal((height, width)))
    return mix(image, tint(tone, colour), thread), np.maximum(thread, smoothstep(shadow, 0.3, 0.5))


DEFECTS: dict[str, Callable[[Rng, Scene], tuple[Array, Array]]] = {
    "scratch": scratch,
    "crack": crack,
    "stain": stain,
    "hole": hole,
    "dent": dent,
    "fibre": fibre,
}

CATEGORIES: tuple[Category, ...] = (
    Category("brushed metal", paint_brushed_metal, (480, 640), ("scratch", "dent")),
    Category("wood", paint_wood, (448, 448), ("hole", "stain")),
    Category("leather", paint_leather, (448, 448), ("scratch", "hole")),
    Category("woven fabric", paint_woven_fabric, (384, 512), ("hole", "fibre")),
    Category("ceramic tile", paint_ceramic_tile, (448, 448), ("crack", "stain")),
    Category("carpet", paint_carpet, (384, 512), ("stain", "fibre")),
    Category("granite", paint_granite, (448, 448), ("crack", "stain")),
    Category("plaster", paint_plaster, (480, 640), ("crack", "dent")),
    Category("perforated sheet", paint_perforated_sheet, (448, 448), ("stain", "fibre")),
)

# ---------------------------------------------------------------------------------------------- camera and files


def expose(rng: Rng, image: Array) -> Image.Image:
    """What the camera makes of it: uneven light, slight vignetting, optics, sensor noise, 8 bits."""
    height, width = image.shape[:2]
    y, x = np.mgrid[-1.0 : 1.0 : height * 1j, -1.0 : 1.0 : width * 1j]
    angle = rng.uniform(0.0, 2 * np.pi)
    light = 1.0 + 0.06 * (y * np.sin(angle) + x * np.cos(angle)) - 0.04 * (y**2 + x**2)
    soft = np.stack([blur(image[..., channel], 0.5, 0.5) for channel in range(3)], axis=-1) * light[..., None]
    shot = rng.standard_normal(soft.shape) * (0.004 + 0.012 * np.sqrt(np.clip(soft, 0.0, 1.0)))
    common = rng.standard_normal((height, width, 1)) * 0.006
    return Image.fromarray(np.round(255.0 * np.clip(soft + shot + common, 0.0, 1.0)).astype(np.uint8))


def render(category: Category, series: str, defect: str, number: int) -> tuple[Image.Image, Image.Image]:
    """Picture and ground-truth mask. The same four arguments give the same picture; `series` keeps sets apart."""
    key = "/".join((series, category.name, defect, str(number)))
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    height, width = category.size
    scene = category.paint(rng, height, width)
    image, changed = scene.image, np.zeros((height, width))
    if defect != "none":
        image, changed = DEFECTS[defect](rng, scene)
    mask = Image.fromarray(((changed > 0.3) * 255).astype(np.uint8))
    return expose(rng, image), mask


def save_jpeg(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, quality=JPEG_QUALITY, optimize=True)


def write_manifest(folder: Path, rows: list[tuple[str, str, str, str]]) -> None:
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("image", "category", "label", "defect"))
        writer.writerows(rows)


def write_demo(folder: Path, masks: Path | None) -> None:
    """One good and two defective pictures per category, and the manifest."""
    rows: list[tuple[str, str, str, str]] = []
    for category in CATEGORIES:
        for defect in ("none", *category.defects):
            good = defect == "none"
            name = f"{category.folder}/{'good' if good else defect}_0.jpg"
            picture, mask = render(category, "demo", defect, 0)
            save_jpeg(picture, folder / name)
            if masks is not None and not good:
                target = (masks / name).with_suffix(".png")
                target.parent.mkdir(parents=True, exist_ok=True)
                mask.convert("1").save(target, optimize=True)
            rows.append((name, category.name, "good" if good else "defective", defect))
    write_manifest(folder, rows)


def write_calibration(folder: Path, count: int) -> None:
    """`count` good pictures per category that are not in the demo, and a manifest."""
    rows: list[tuple[str, str, str, str]] = []
    for category in CATEGORIES:
        for number in range(count):
            name = f"{category.folder}/good_{number}.jpg"
            save_jpeg(render(category, "calibration", "none", number)[0], folder / name)
            rows.append((name, category.name, "good", "none"))
    write_manifest(folder, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parent / "images", metavar="DIR")
    parser.add_argument("--masks", type=Path, metavar="DIR", help="also write ground-truth masks of the demo set")
    parser.add_argument("--calibration", type=Path, metavar="DIR", help="write good pictures for calibration instead")
    parser.add_argument("--count", type=int, default=12, metavar="N", help="calibration pictures per category")
    options = parser.parse_args()
    if options.calibration is not None:
        write_calibration(options.calibration, options.count)
    else:
        write_demo(options.output, options.masks)


if __name__ == "__main__":
    main()
