"""How lines of text slant over a page, and the map that lays them level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocrsvc.detection.marks import Ints, Marks

Doubles = NDArray[np.float64]

MAX_SLOPE = 0.3
LEVEL = 0.003
"""A page whose runs slope less than this at their median is level: what they show is the shape of characters."""
ENOUGH = 12
"""From this many long runs on, their change over the page, as of a photographed one, is trusted."""
LONG_RUN = 5.0
"""Runs at least this many times as long as high tell a slope."""


@dataclass(frozen=True, slots=True)
class Slant:
    """Slope of the text at (x, y): `base` + `by_x` (x - centre_x) + `by_y` y, rise per pixel; x, y in pixels."""

    base: float = 0.0
    by_x: float = 0.0
    by_y: float = 0.0
    centre_x: float = 0.0

    def level(self, x: Doubles, y: Doubles) -> Doubles:
        """The height that (x, y) has once its line is laid level: its height at the page's middle."""
        along = x - self.centre_x
        return np.asarray(y - (self.base + self.by_y * y) * along - self.by_x * along**2 / 2)

    def unlevel(self, x: Doubles, level_y: Doubles) -> Doubles:
        """The inverse of `level` for a given x."""
        along = x - self.centre_x
        return np.asarray((level_y + self.base * along + self.by_x * along**2 / 2) / (1 - self.by_y * along))


def fit_slant(marks: Marks, runs: Ints, width_px: int, height_px: int) -> Slant:
    """Slant that fits the long runs best: robust least squares over their own slopes."""
    return fit_slopes(*_run_slopes(marks, runs), width_px, height_px)


def fit_slopes(x: Doubles, y: Doubles, slope: Doubles, weight: Doubles, width_px: float, height_px: float) -> Slant:
    """Slant that fits slopes measured at (x, y), each [n], on a page of a size; level where there are none."""
    if len(x) == 0 or _weighted_median(np.abs(slope), weight) < LEVEL:
        return Slant()
    design = np.stack([np.ones_like(x), (x - width_px / 2) / width_px, (y - height_px / 2) / height_px], axis=1)
    ridge = np.diag([1e-6, 1.0, 1.0]) * (0.004 if len(x) >= ENOUGH else 0.05) * weight.sum()
    trust = weight.copy()
    solution = np.zeros(3)
    solution[0] = _weighted_median(slope, weight)
    for _ in range(4):
        residual = slope - design @ solution
        trust = weight / (1 + (residual / 0.01) ** 2)
        weighted = design * trust[:, None]
        solution = np.linalg.solve(weighted.T @ design + ridge * trust.sum() / weight.sum(), weighted.T @ slope)
    base, by_x, by_y = solution
    return Slant(
        base=float(base - by_y / 2), by_x=float(by_x / width_px), by_y=float(by_y / height_px), centre_x=width_px / 2
    )


def _run_slopes(marks: Marks, runs: Ints) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """Middle (x, y), slope and weight of each long run, by a line through the centres of its larger marks."""
    count = int(runs.max()) + 1 if len(runs) else 0
    tallest = np.zeros(count, dtype=np.float32)
    np.maximum.at(tallest, runs, marks.height)
    body = marks.height >= 0.55 * tallest[runs]
    run = runs[body]
    x = ((marks.x0 + marks.x1) / 2)[body].astype(np.float64)
    y = ((marks.y0 + marks.y1) / 2)[body].astype(np.float64)
    n = np.maximum(np.bincount(run, minlength=count), 1)
    mean_x, mean_y = np.bincount(run, x, count) / n, np.bincount(run, y, count) / n
    dx, dy = x - mean_x[run], y - mean_y[run]
    spread = np.bincount(run, dx * dx, count)
    slope = np.bincount(run, dx * dy, count) / np.maximum(spread, 1e-9)
    long = (n >= 4) & (np.sqrt(12 * spread / n) >= LONG_RUN * tallest) & (tallest >= 6) & (np.abs(slope) <= MAX_SLOPE)
    return mean_x[long], mean_y[long], slope[long], spread[long] / tallest[long] ** 2


def _weighted_median(values: Doubles, weights: Doubles) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
