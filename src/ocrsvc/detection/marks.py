"""Connected marks of ink, and their first grouping into runs of neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrsvc.detection.ink import Ink

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

MIN_AREA_PX = 4
MAX_HEIGHT_PX = 72
MAX_ASPECT = 16.0
REACH = 0.3
"""How far a mark reaches out to its neighbours at either end, in its own size."""


class Boxes:
    """Sides of N boxes, pixels; a base for what has such sides."""

    __slots__ = ()
    x0: Floats
    y0: Floats
    x1: Floats
    y1: Floats

    def __len__(self) -> int:
        """How many boxes there are."""
        return len(self.x0)

    @property
    def width(self) -> Floats:
        """[N] widths."""
        return self.x1 - self.x0

    @property
    def height(self) -> Floats:
        """[N] heights."""
        return self.y1 - self.y0


@dataclass(frozen=True, slots=True, eq=False)
class Marks(Boxes):
    """Bounding boxes of N connected marks, pixels, ends exclusive, each array [N]; `area` counts ink.

    `contrast` is how far the ink stands out from its ground on average, grey levels.
    """

    x0: Floats
    y0: Floats
    x1: Floats
    y1: Floats
    area: Floats
    contrast: Floats

    def take(self, chosen: NDArray[np.bool_] | Ints) -> Marks:
        """The marks at these places."""
        return Marks(
            self.x0[chosen],
            self.y0[chosen],
            self.x1[chosen],
            self.y1[chosen],
            self.area[chosen],
            self.contrast[chosen],
        )


def find_marks(ink: Ink) -> Marks:
    """Every connected mark that can be part of a character."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink.text, connectivity=8)
    x, y, width, height, area = np.asarray(stats[1:], dtype=np.float32).T
    at = np.flatnonzero(ink.text)
    total = np.bincount(labels.ravel()[at], ink.contrast.ravel()[at], minlength=count)[1:]
    marks = Marks(x, y, x + width, y + height, area, (total / np.maximum(area, 1)).astype(np.float32))
    tall, wide = marks.height, marks.width
    keep = (area >= MIN_AREA_PX) & (tall <= MAX_HEIGHT_PX) & (wide <= MAX_ASPECT * np.maximum(tall, 6))
    keep &= ~((tall > 24) & (tall > 7 * wide))  # a bar's remains, not a stroke
    return marks.take(keep & ~_goes_on_bars(marks, ink))


def _goes_on_bars(marks: Marks, ink: Ink) -> NDArray[np.bool_]:
    """Thin upright marks that go on where an upright rule ends: the rule's own slanted or broken parts."""
    thin = (marks.height >= 6) & (marks.width <= 0.4 * marks.height)
    if not thin.any() or not ink.bars.any():
        return np.zeros(len(marks), dtype=np.bool_)
    near = cv2.dilate(ink.bars, np.ones((31, 5), np.uint8))
    x = np.clip((marks.x0 + marks.x1) / 2, 0, near.shape[1] - 1).astype(int)
    top, bottom = marks.y0.astype(int), marks.y1.astype(int) - 1
    return np.asarray(thin & ((near[top, x] > 0) | (near[bottom, x] > 0)))


def group_runs(marks: Marks, ink: Ink) -> Ints:
    """Number the runs of marks that reach one another sideways, [N]; no run crosses an upright rule.

    Each mark is drawn as its box drawn out sideways; what then touches is one run. Works on slanted lines as well,
    for only neighbours meet.
    """
    sheet = np.zeros(ink.text.shape, dtype=np.uint8)
    wide, tall = marks.width, marks.height
    size = np.where((wide > 2.5 * tall) & (tall >= 6), tall, np.minimum(np.maximum(wide, tall), 4 * tall + 8))
    left = np.maximum(0, np.floor(marks.x0 - REACH * size)).astype(int)
    right = np.ceil(marks.x1 + REACH * size).astype(int)
    top, bottom = marks.y0.astype(int), marks.y1.astype(int)
    for x0, y0, x1, y1 in zip(left.tolist(), top.tolist(), right.tolist(), bottom.tolist(), strict=True):
        sheet[y0:y1, x0:x1] = 255
    sheet = np.asarray(cv2.bitwise_and(sheet, cv2.bitwise_not(ink.bars)), dtype=np.uint8)
    _, labels = cv2.connectedComponents(sheet, connectivity=4)
    at_x = np.clip((marks.x0 + marks.x1) / 2, 0, ink.text.shape[1] - 1).astype(int)
    at_y = np.clip((marks.y0 + marks.y1) / 2, 0, ink.text.shape[0] - 1).astype(int)
    _, runs = np.unique(labels[at_y, at_x], return_inverse=True)
    return np.asarray(runs, dtype=np.int32)
