"""Bounds of runs of marks on the levelled page, and the height that is usual among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ocrsvc.detection.marks import Boxes, Floats, Ints, Marks

Pairs = tuple[Ints, Ints]
"""Places of the first and of the second of n pairs of runs, [n] each."""


@dataclass(frozen=True, slots=True, eq=False)
class Runs(Boxes):
    """Bounds of N runs on the levelled page, each array [N]; `tall` is the height of the highest mark in each."""

    x0: Floats
    y0: Floats
    x1: Floats
    y1: Floats
    tall: Floats


def bound_runs(marks: Marks, labels: Ints) -> Runs:
    """Bounds per label 0..n-1: sideways of all marks, in height of those at least half as high as the highest."""
    count = int(labels.max()) + 1
    tall = np.zeros(count, dtype=np.float32)
    np.maximum.at(tall, labels, marks.height)
    x0, y0 = np.full(count, np.inf, dtype=np.float32), np.full(count, np.inf, dtype=np.float32)
    x1, y1 = -x0, -y0
    np.minimum.at(x0, labels, marks.x0)
    np.maximum.at(x1, labels, marks.x1)
    body = marks.height >= 0.5 * tall[labels]
    np.minimum.at(y0, labels[body], marks.y0[body])
    np.maximum.at(y1, labels[body], marks.y1[body])
    return Runs(x0, y0, x1, y1, tall)


def usual_height(bounds: Runs) -> float:
    """Median character height of the page's runs, each weighing as much as it is long; upright runs tell nothing."""
    lying = bounds.width >= 1.5 * bounds.tall
    chosen = lying if lying.any() else np.ones(len(bounds), dtype=np.bool_)
    tall, weight = bounds.tall[chosen], bounds.width[chosen]
    order = np.argsort(tall)
    total = np.cumsum(weight[order])
    return float(tall[order][np.searchsorted(total, total[-1] / 2)])
