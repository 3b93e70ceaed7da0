"""Runs of marks joined to lines of text, on the levelled page."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ocrsvc.detection.ink import Mask
from ocrsvc.detection.justified import justified_pairs
from ocrsvc.detection.marks import Floats, Ints, Marks
from ocrsvc.detection.runs import Pairs, Runs, bound_runs, usual_height
from ocrsvc.detection.slant import Slant

MAX_GAP = 1.25
"""Widest gap inside a line, in heights of its characters: cells and columns stand further apart."""
SMALL = 0.48
"""Marks below this share of a line's height are punctuation, dashes and dots to it."""


def level_marks(marks: Marks, slant: Slant) -> Marks:
    """The marks at the heights they have once the page's lines are level."""
    x = ((marks.x0 + marks.x1) / 2).astype(np.float64)
    y = ((marks.y0 + marks.y1) / 2).astype(np.float64)
    shift = (slant.level(x, y) - y).astype(np.float32)
    return Marks(marks.x0, marks.y0 + shift, marks.x1, marks.y1 + shift, marks.area, marks.contrast)


def join_lines(marks: Marks, runs: Ints, bars: Mask, slant: Slant) -> Ints:
    """Number the lines that runs of levelled marks make up, [N] per mark.

    First parts of one character that stand over each other, then neighbours of like height, then the small marks
    that belong to them; a second round joins across what the first has found. Last come spaced-out labels.
    """
    labels = _renumber(runs)
    for test in (_stacked, _alike, _small_beside, _alike):
        bounds = bound_runs(marks, labels)
        first, second = _near_pairs(bounds)
        chosen = test(bounds, first, second)
        pairs = _unbarred(bounds, first[chosen], second[chosen], bars, slant)
        if test is _small_beside:
            pairs = _nearest_only(bounds, *pairs)
        labels = _renumber(_union(len(bounds), *pairs)[labels])
    bounds = bound_runs(marks, labels)
    pairs = _unbarred(bounds, *justified_pairs(bounds), bars, slant)
    return _renumber(_union(len(bounds), *pairs)[labels])


def _near_pairs(bounds: Runs) -> Pairs:
    """Pairs (first, second) whose middles are near in height, the first one's starting further left."""
    middle = (bounds.y0 + bounds.y1) / 2
    order = np.argsort(middle, kind="stable")
    level = middle[order]
    reach = 0.75 * float(bounds.height.max())
    start = np.arange(len(level)) + 1
    stop = np.searchsorted(level, level + reach, side="right")
    counts = np.maximum(stop - start, 0)
    left = np.repeat(np.arange(len(level)), counts)
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    a, b = order[left], order[left + 1 + offset]
    near = np.maximum(bounds.x0[a], bounds.x0[b]) - np.minimum(bounds.x1[a], bounds.x1[b]) <= 1.4 * float(
        bounds.height.max()
    )
    a, b = a[near], b[near]
    swap = bounds.x0[a] > bounds.x0[b]
    return np.where(swap, b, a).astype(np.int32), np.where(swap, a, b).astype(np.int32)


def _shared_height(bounds: Runs, a: Ints, b: Ints) -> Floats:
    return np.minimum(bounds.y1[a], bounds.y1[b]) - np.maximum(bounds.y0[a], bounds.y0[b])


def _alike(bounds: Runs, a: Ints, b: Ints) -> NDArray[np.bool_]:
    """Neighbours in one row: like heights, most of the lower one's height shared, gap below `MAX_GAP`."""
    low = np.minimum(bounds.height[a], bounds.height[b])
    high = np.maximum(bounds.height[a], bounds.height[b])
    gap = bounds.x0[b] - bounds.x1[a]
    size = np.where(low < 0.6 * high, low, (low + high) / 2)
    rows = (bounds.height <= 1.7 * bounds.tall) | (bounds.tall < 6)
    low_enough = rows[a] & rows[b]
    return low_enough & (low >= SMALL * high) & (_shared_height(bounds, a, b) >= 0.55 * low) & (gap <= MAX_GAP * size)


def _stacked(bounds: Runs, a: Ints, b: Ints) -> NDArray[np.bool_]:
    """Parts of one character over each other: together no higher than wide, one of them flat."""
    width = np.maximum(bounds.x1[a], bounds.x1[b]) - np.minimum(bounds.x0[a], bounds.x0[b])
    height = np.maximum(bounds.y1[a], bounds.y1[b]) - np.minimum(bounds.y0[a], bounds.y0[b])
    shared = np.minimum(bounds.x1[a], bounds.x1[b]) - np.maximum(bounds.x0[a], bounds.x0[b])
    low = np.minimum(bounds.height[a], bounds.height[b])
    usual = usual_height(bounds)
    fits = (height <= 1.2 * width) & (width <= 1.8 * height) & (height <= 1.35 * usual)
    apart = np.maximum(bounds.y0[a], bounds.y0[b]) - np.minimum(bounds.y1[a], bounds.y1[b])
    fits |= (apart <= max(1.5, 0.12 * usual)) & (height <= 1.3 * usual) & (width <= 1.3 * usual)
    return fits & (shared >= 0.6 * np.minimum(bounds.width[a], bounds.width[b])) & (low <= 0.5 * height)


def _small_beside(bounds: Runs, a: Ints, b: Ints) -> NDArray[np.bool_]:
    """A small mark in the height of a bigger neighbour, or just under it as commas are."""
    swap = bounds.height[a] > bounds.height[b]
    small, big = np.where(swap, b, a), np.where(swap, a, b)
    high = bounds.height[big]
    gap = np.maximum(bounds.x0[a], bounds.x0[b]) - np.minimum(bounds.x1[a], bounds.x1[b])
    inside = (bounds.y0[small] >= bounds.y0[big] - 0.25 * high) & (bounds.y1[small] <= bounds.y1[big] + 0.3 * high)
    flat = bounds.height[small] < 0.25 * high
    little = (bounds.height[small] < 0.62 * high) & (bounds.width[small] <= np.where(flat, 2.6, 1.1) * high)
    known = high <= 2.5 * usual_height(bounds)
    return inside & little & known & (gap <= 0.75 * high)


def _nearest_only(bounds: Runs, a: Ints, b: Ints) -> Pairs:
    """Each small mark with its nearest neighbour alone, so that no mark ties two lines together."""
    swap = bounds.height[a] > bounds.height[b]
    small, big = np.where(swap, b, a), np.where(swap, a, b)
    apart = np.abs((bounds.y0[small] + bounds.y1[small]) - (bounds.y0[big] + bounds.y1[big])) / 2
    gap = np.maximum(bounds.x0[a], bounds.x0[b]) - np.minimum(bounds.x1[a], bounds.x1[b])
    order = np.lexsort((np.maximum(gap, 0) + apart, small))
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = small[order][1:] != small[order][:-1]
    kept = order[first]
    return a[kept], b[kept]


def _unbarred(bounds: Runs, a: Ints, b: Ints, bars: Mask, slant: Slant) -> Pairs:
    """The pairs with no upright rule between them."""
    if not len(a):
        return a, b
    left, right = np.minimum(bounds.x1[a], bounds.x1[b]) - 2, np.maximum(bounds.x0[a], bounds.x0[b]) + 2
    left, right = np.minimum(left, right), np.maximum(left, right)
    top, bottom = np.maximum(bounds.y0[a], bounds.y0[b]), np.minimum(bounds.y1[a], bounds.y1[b])
    middle = ((left + right) / 2).astype(np.float64)
    top_y, bottom_y = slant.unlevel(middle, top.astype(np.float64)), slant.unlevel(middle, bottom.astype(np.float64))
    kept = np.ones(len(a), dtype=np.bool_)
    for k in np.flatnonzero(bounds.x0[b] > bounds.x1[a]):
        y0, y1 = max(0, int(top_y[k])), max(1, int(bottom_y[k]) + 1)
        between = bars[y0:y1, max(0, int(left[k])) : max(1, int(right[k]) + 1)]
        kept[k] = between.size == 0 or between.any(axis=1).mean() < 0.6
    return a[kept], b[kept]


def _union(count: int, a: Ints, b: Ints) -> Ints:
    """Smallest label of each connected group."""
    parent = list(range(count))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    for i, j in zip(a.tolist(), b.tolist(), strict=True):
        low, high = sorted((root(i), root(j)))
        parent[high] = low
    return np.array([root(k) for k in range(count)], dtype=np.int32)


def _renumber(labels: Ints) -> Ints:
    return np.unique(labels, return_inverse=True)[1].astype(np.int32)
