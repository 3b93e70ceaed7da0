"""Labels spaced out to the width of those above or below them, as forms have them: one line, for all their gaps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ocrsvc.detection.runs import Pairs, Runs

WIDEST_GAP = 6.0
"""Widest gap inside a spaced-out label, in heights."""
EDGE = 0.5
"""How far its ends may stand from those of the label it is fitted to, in heights."""
ROWS = 3.0
"""How far off that label may stand, in heights."""


def justified_pairs(bounds: Runs) -> Pairs:
    """Pairs (first, rest) of a label's single first character and its short rest, [n] each.

    They stand in one row with nothing between them, and another line close above or below begins where the first
    begins and ends where the rest ends.
    """
    singles = np.flatnonzero((bounds.width <= 1.3 * bounds.tall) & (bounds.width >= 0.6 * bounds.tall))
    pairs = [(a, b) for a in singles.tolist() if (b := _rest_of(bounds, a)) is not None and _has_model(bounds, a, b)]
    first, rest = (np.array([pair[k] for pair in pairs], dtype=np.int32) for k in (0, 1))
    return first, rest


def _rest_of(bounds: Runs, a: int) -> int | None:
    """The next run to the right in the row, if it is as high, short, and near enough."""
    size = float(bounds.tall[a])
    row = _in_row(bounds, a) & (bounds.x0 > bounds.x1[a])
    if not row.any():
        return None
    b = int(np.argmin(np.where(row, bounds.x0, np.inf)))
    near = bounds.x0[b] - bounds.x1[a] <= WIDEST_GAP * size
    alike = abs(float(bounds.tall[b]) - size) <= 0.3 * size
    return b if near and alike and bounds.width[b] <= 2.4 * size else None


def _in_row(bounds: Runs, a: int) -> NDArray[np.bool_]:
    shared = np.minimum(bounds.y1, bounds.y1[a]) - np.maximum(bounds.y0, bounds.y0[a])
    return np.asarray(shared >= 0.5 * np.minimum(bounds.height, bounds.height[a]))


def _has_model(bounds: Runs, a: int, b: int) -> bool:
    """Whether a line of like height nearby has the same two ends."""
    size = float(bounds.tall[a])
    apart = np.abs((bounds.y0 + bounds.y1) - (bounds.y0[a] + bounds.y1[a])) / 2
    ends = (np.abs(bounds.x0 - bounds.x0[a]) <= EDGE * size) & (np.abs(bounds.x1 - bounds.x1[b]) <= EDGE * size)
    return bool((ends & (apart >= size) & (apart <= ROWS * size) & (bounds.tall <= 1.4 * size)).any())
