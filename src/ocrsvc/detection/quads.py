"""Lines of marks to quads on the page, and which of them look like text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ocrsvc.detection.marks import Floats, Ints, Marks
from ocrsvc.detection.protocol import LineQuad
from ocrsvc.detection.runs import bound_runs, usual_height
from ocrsvc.detection.slant import Slant
from ocrsvc.imaging.page import Quad

MARGIN_ACROSS = 0.08
MARGIN_ALONG = 0.14
MIN_HEIGHT_PX = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class TextLine:
    """A line with what tells text from chance: the number of its marks and how far their ink stands out."""

    line: LineQuad
    marks: int
    contrast: float


def line_quads(marks: Marks, labels: Ints, slant: Slant) -> list[TextLine]:
    """The lines that look like text; marks are levelled, quads stand on the slanted page."""
    if not len(marks):
        return []
    bounds = bound_runs(marks, labels)
    usual = usual_height(bounds)
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(len(bounds) + 1))
    found = []
    for k in range(len(bounds)):
        line = marks.take(order[starts[k] : starts[k + 1]].astype(np.int32))
        score = _score(line, usual)
        if score > 0:
            contrast = float(np.average(line.contrast, weights=line.area))
            found.append(TextLine(LineQuad(_quad(line, slant, usual), score), len(line), contrast))
    return found


def _score(line: Marks, usual: float) -> float:
    """How much a line looks like text, 0 for what is dropped: specks, remains of rules, blots."""
    width, height = float(line.x1.max() - line.x0.min()), float(line.y1.max() - line.y0.min())
    tall = float(line.height.max())
    if height < MIN_HEIGHT_PX or height < 0.35 * usual or (tall < 0.4 * usual and width < 0.5 * usual):
        return 0.0
    if height > 2.2 * tall and height > 1.5 * usual:  # several rows of small marks: texture
        return 0.0
    density = float(line.area.sum()) / max(1.0, width * height)
    if density < 0.04 or (density > 0.85 and width > 0.6 * height):
        return 0.0
    plain = min(1.0, height / 12) * min(1.0, density / 0.12) * min(1.0, len(line) / 4)
    return round(0.6 + 0.4 * plain, 3)


def _quad(line: Marks, slant: Slant, usual: float) -> Quad:
    """Quad of one line with its margins, along the line's own direction where it is long enough to tell."""
    x0, x1 = float(line.x0.min()), float(line.x1.max())
    middle = (x0 + x1) / 2
    slope = _own_slope(line)
    centre = (line.x0 + line.x1) / 2
    lift = (slope * (centre - middle)).astype(np.float32)
    top, bottom = _extent(line, lift)
    height = bottom - top
    widest = float(line.width.max())
    if (
        height < 0.5 * widest < 0.8 * usual and x1 - x0 < 2 * widest
    ):  # a flat character by itself, such as a Chinese one
        extra = (0.8 * widest - height) / 2
        top, bottom, height = top - extra, bottom + extra, 0.8 * widest
    along, across = MARGIN_ALONG * height, max(1.0, MARGIN_ACROSS * height)
    xs = np.array([x0 - along, x1 + along, x1 + along, x0 - along])
    ys = np.array([top - across, top - across, bottom + across, bottom + across]) + slope * (xs - middle)
    return np.stack([xs, slant.unlevel(xs, ys)], axis=1).astype(np.float32)


def _extent(line: Marks, lift: Floats) -> tuple[float, float]:
    """Top and bottom of a line: of its larger marks, and of dots and commas as far as they belong to characters."""
    tall = float(line.height.max())
    y0, y1 = line.y0 - lift, line.y1 - lift
    body = line.height >= 0.4 * tall
    top, bottom = float(y0[body].min()), float(y1[body].max())
    near = (line.area >= 0.01 * tall**2) & (y0 >= top - 0.5 * tall) & (y1 <= bottom + 0.4 * tall)
    near |= body
    return float(y0[near].min()), float(y1[near].max())


def _own_slope(line: Marks) -> float:
    """What slope is left in a long line after levelling, where it passes three standard errors of the fit."""
    body = line.height >= 0.55 * line.height.max()
    x = ((line.x0 + line.x1) / 2)[body].astype(np.float64)
    y = ((line.y0 + line.y1) / 2)[body].astype(np.float64)
    if len(x) < 6 or np.ptp(x) < 6 * float(line.height.max()):
        return 0.0
    x = x - x.mean()
    spread = float((x * x).sum())
    slope = float((x * y).sum()) / spread
    rest = y - y.mean() - slope * x
    error = float(np.sqrt((rest * rest).sum() / (len(x) - 2) / spread))
    return slope if 3 * error < abs(slope) < 0.12 else 0.0
