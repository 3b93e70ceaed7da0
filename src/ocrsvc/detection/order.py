"""Reading order of lines: rows from the top, each from the left; columns of running text one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ocrsvc.detection.protocol import LineQuad
from ocrsvc.detection.slant import fit_slopes

Doubles = NDArray[np.float64]

SAME_ROW = 0.5
"""Middles closer than this share of the lower line's height stand in one row."""
COLUMN_LINES = 6
"""Columns are read one after the other only where each has at least so many lines,"""
COLUMN_FILL = 0.7
"""most of them this full: running text, not labels and values."""


def order_lines(lines: Sequence[LineQuad]) -> list[LineQuad]:
    """Sort lines as they are read: in rows from the top, each row from the left.

    Two columns of running text with a clear gutter between them are read one after the other, with what stands above
    and below them in its place. Rows allow for the page's common slant.
    """
    if len(lines) < 2:
        return list(lines)
    quads = np.stack([line.quad for line in lines]).astype(np.float64)
    level = _level_middles(quads)
    height = np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
    left, right = quads[:, :, 0].min(axis=1), quads[:, :, 0].max(axis=1)
    order: list[int] = []
    for block in _blocks(level, height, left, right):
        order += _in_rows(block, level, height, left)
    return [lines[k] for k in order]


def _blocks(level: Doubles, height: Doubles, left: Doubles, right: Doubles) -> list[list[int]]:
    """Lines in parts that are read one after the other: all in one, or above, left, right and below of two columns."""
    everything = list(range(len(level)))
    gutter = _gutter(left, right, height)
    if gutter is None:
        return [everything]
    crossing = (left < gutter) & (right > gutter)
    columns = np.flatnonzero(~crossing)
    on_left = right[columns] <= gutter
    first, second = columns[on_left], columns[~on_left]
    if not (_is_running_text(first, left, right) and _is_running_text(second, left, right)):
        return [everything]
    top, bottom = level[columns].min(), level[columns].max()
    if ((level > top) & (level < bottom) & crossing).any():
        return [everything]
    above, below = np.flatnonzero(crossing & (level <= top)), np.flatnonzero(crossing & (level >= bottom))
    return [part.tolist() for part in (above, first, second, below) if len(part)]


def _gutter(left: Doubles, right: Doubles, height: Doubles) -> float | None:
    """Where an upright gap near the middle is crossed by few lines; None where there is none."""
    low, high = float(left.min()), float(right.max())
    usual = float(np.median(height))
    places = np.linspace(low + 0.3 * (high - low), low + 0.7 * (high - low), 81)
    inside = (left[:, None] < places + 0.4 * usual) & (right[:, None] > places - 0.4 * usual)
    crossed = inside.sum(axis=0)
    fewest = int(crossed.min())
    if fewest > 0.1 * len(left):
        return None
    clear = places[crossed == fewest]
    return float(clear[len(clear) // 2])


def _is_running_text(column: NDArray[np.int64], left: Doubles, right: Doubles) -> bool:
    """Whether most lines of a column reach from its left edge to its right one."""
    if len(column) < COLUMN_LINES:
        return False
    width = float(right[column].max() - left[column].min())
    return float(((right - left)[column] >= COLUMN_FILL * width).mean()) >= COLUMN_FILL


def _in_rows(block: Sequence[int], level: Doubles, height: Doubles, left: Doubles) -> list[int]:
    rows: list[list[int]] = []
    for k in sorted(block, key=lambda i: float(level[i])):
        if rows and _shares_row(rows[-1], k, level, height):
            rows[-1].append(k)
        else:
            rows.append([k])
    return [k for row in rows for k in sorted(row, key=lambda i: float(left[i]))]


def _level_middles(quads: Doubles) -> Doubles:
    """Heights of the middles once the page's slant, as its long lines show it, is taken out."""
    middle = quads.mean(axis=1)
    along = (quads[:, 1] - quads[:, 0] + quads[:, 2] - quads[:, 3]) / 2
    length = np.abs(along[:, 0])
    long = length > 4 * np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
    width, height = np.maximum(quads.reshape(-1, 2).max(axis=0), 1.0).tolist()
    slope = along[long, 1] / length[long]
    slant = fit_slopes(middle[long, 0], middle[long, 1], slope, length[long], width, height)
    return slant.level(middle[:, 0], middle[:, 1])


def _shares_row(row: list[int], k: int, level: Doubles, height: Doubles) -> bool:
    mean = float(level[row].mean())
    return bool(abs(level[k] - mean) < SAME_ROW * min(height[k], float(np.median(height[row]))))
