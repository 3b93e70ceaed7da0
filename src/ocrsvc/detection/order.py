"""Reading order of lines: rows from the top, each from the left; plain columns one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ocrsvc.detection.protocol import LineQuad

SAME_ROW = 0.5
"""Middles closer than this share of the lower line's height stand in one row."""


def order_lines(lines: Sequence[LineQuad]) -> list[LineQuad]:
    """Sort lines as they are read: in rows from the top, each row from the left."""
    if len(lines) < 2:
        return list(lines)
    quads = np.stack([line.quad for line in lines]).astype(np.float64)
    level = _level_middles(quads)
    height = np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
    left = quads[:, :, 0].min(axis=1)
    rows: list[list[int]] = []
    for k in np.argsort(level, kind="stable").tolist():
        if rows and _shares_row(rows[-1], k, level, height):
            rows[-1].append(k)
        else:
            rows.append([k])
    return [lines[k] for row in rows for k in sorted(row, key=lambda i: left[i])]


def _level_middles(quads: NDArray[np.float64]) -> NDArray[np.float64]:
    """Heights of the middles once the page's common slant is taken out."""
    middle = quads.mean(axis=1)
    along = quads[:, 1] - quads[:, 0]
    length = np.maximum(np.abs(along[:, 0]), 1e-6)
    long = length > 3 * np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
    if not long.any():
        return np.asarray(middle[:, 1])
    slopes = (along[:, 1] / length)[long]
    order = np.argsort(slopes)
    total = np.cumsum(length[long][order])
    slope = slopes[order][np.searchsorted(total, total[-1] / 2)]
    return np.asarray(middle[:, 1] - slope * (middle[:, 0] - middle[:, 0].mean()))


def _shares_row(row: list[int], k: int, level: NDArray[np.float64], height: NDArray[np.float64]) -> bool:
    mean = float(level[row].mean())
    return bool(abs(level[k] - mean) < SAME_ROW * min(height[k], float(np.median(height[row]))))
