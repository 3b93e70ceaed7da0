"""Which of the lines found dark on light and light on dark are text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ocrsvc.detection.protocol import LineQuad
from ocrsvc.detection.quads import TextLine
from ocrsvc.imaging.geometry import quad_size

SOUND = 0.95
"""Score from which a line of some length is not taken for a piece of larger text."""
TEXTURE_LINES = 80
FAINT = 0.2
"""Lines that stand out less than this share of what is usual on the page are chance."""
FAINT_ALONE = 0.33
"""The same for lines of few marks."""
FAINT_TURNED = 0.5
"""The same for lines of the page's rarer polarity."""


def choose_lines(dark: Sequence[TextLine], light: Sequence[TextLine]) -> list[LineQuad]:
    """Lines of both polarities, without those too faint beside the rest and those another line lies over.

    The polarity with more text is the page's own; of the other, only lines of several marks are taken.
    """
    own, other = (dark, light) if _length(dark) >= _length(light) else (light, dark)
    usual = _usual_contrast(own)
    chosen = [one.line for one in own if one.contrast >= usual * (FAINT if one.marks > 4 else FAINT_ALONE)]
    boxes = [_box(line) for line in chosen]
    for one in other:
        across, down = quad_size(one.line.quad)
        if one.contrast < FAINT_TURNED * usual or one.marks < 3 or across < 1.5 * down:
            continue
        if not any(_overlap(_box(one.line), box) > 0.3 for box in boxes):
            chosen.append(one.line)
    return chosen


def take_large(lines: Sequence[LineQuad], large: Sequence[LineQuad]) -> list[LineQuad]:
    """Lines with those of a coarser look: large text that the finer one saw in pieces, or not at all.

    A coarse line gives way where fine lines stand in it that are themselves lines, fill much of it, or are many.
    """
    chosen = list(lines)
    for one in large:
        box = _box(one)
        inside = [k for k, line in enumerate(chosen) if _overlap(_box(line), box) > 0.5]
        if _is_pieces([chosen[k] for k in inside], one):
            chosen = [line for k, line in enumerate(chosen) if k not in inside] + [one]
    return chosen


def drop_texture(lines: Sequence[LineQuad]) -> list[LineQuad]:
    """No lines at all where they are many, short, poor and of every height: noise, or a pattern."""
    if len(lines) < TEXTURE_LINES:
        return list(lines)
    size = np.array([quad_size(line.quad) for line in lines])
    low, high = np.percentile(size[:, 1], [10, 90])
    short = float(np.median(size[:, 0] / size[:, 1])) < 2.0
    poor = float(np.mean([line.score for line in lines])) < 0.85
    return [] if short and poor and high > 1.3 * low else list(lines)


def _is_pieces(lines: Sequence[LineQuad], large: LineQuad) -> bool:
    """Whether fine lines are but pieces of one large line."""
    across, down = quad_size(large.quad)
    if len(lines) > 6 * across / down or sum(_area(line) for line in lines) > 0.4 * across * down:
        return False
    sound = 0.0
    for line in lines:
        length, height = quad_size(line.quad)
        if length >= 0.6 * across and height >= 0.5 * down:
            return False
        if length >= 2 * height and line.score >= SOUND:
            if height < 0.3 * down:
                return False
            sound += length
    return sound < 0.35 * across


def _area(line: LineQuad) -> float:
    across, down = quad_size(line.quad)
    return across * down


def _length(lines: Sequence[TextLine]) -> float:
    return sum(quad_size(one.line.quad)[0] for one in lines if one.marks > 2)


def _usual_contrast(lines: Sequence[TextLine]) -> float:
    """Median contrast of the lines, each weighing as much as it is long."""
    if not lines:
        return 0.0
    contrast = np.array([one.contrast for one in lines])
    length = np.array([quad_size(one.line.quad)[0] for one in lines])
    order = np.argsort(contrast)
    total = np.cumsum(length[order])
    return float(contrast[order][np.searchsorted(total, total[-1] / 2)])


def _box(line: LineQuad) -> tuple[float, float, float, float]:
    (x0, y0), (x1, y1) = line.quad.min(axis=0).tolist(), line.quad.max(axis=0).tolist()
    return x0, y0, x1, y1


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Share of the smaller box that the other covers."""
    shared = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return shared / max(1.0, min(areas))
