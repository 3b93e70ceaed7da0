"""A detector of text lines made of OpenCV's classics alone: ink, connected marks, lines."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrsvc.detection.ink import Ink, find_ink
from ocrsvc.detection.lines import MAX_RUNS, join_lines, level_marks
from ocrsvc.detection.marks import find_marks, group_runs
from ocrsvc.detection.order import order_lines
from ocrsvc.detection.protocol import LineQuad
from ocrsvc.detection.choose import choose_lines
from ocrsvc.detection.quads import TextLine, line_quads
from ocrsvc.detection.slant import fit_slant
from ocrsvc.imaging.page import Page

WORK_PIXELS = 3_000_000
"""Larger pages are looked at scaled down to this many pixels."""
SMALL_SIDE_PX = 56
"""Pictures lower or narrower than this are looked at enlarged."""


class ContourDetector:
    """Finds lines of text on clean documents and screenshots; holds no state, so threads may share it."""

    name = "contours"

    def detect(self, page: Page) -> list[LineQuad]:
        """Every line of text in reading order; slanted lines get slanted quads."""
        if min(page.width_px, page.height_px) < 4:
            return []
        scale = _work_scale(page.width_px, page.height_px)
        lines = _detect_at(page.pixels, scale)
        return order_lines(lines)


def _work_scale(width_px: int, height_px: int) -> float:
    shrink = min(1.0, math.sqrt(WORK_PIXELS / (width_px * height_px)))
    return max(shrink, min(4.0, SMALL_SIDE_PX / min(width_px, height_px)))


def _detect_at(pixels: NDArray[np.uint8], scale: float) -> list[LineQuad]:
    """Lines found on the page at a scale, in pixels of the page itself."""
    if scale != 1.0:
        height, width = pixels.shape[:2]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=how), dtype=np.uint8)
    dark, light = find_ink(pixels)
    found = choose_lines(_lines_of(dark), _lines_of(light))
    if scale == 1.0:
        return found
    return [LineQuad((line.quad / scale).astype(np.float32), line.score) for line in found]


def _lines_of(ink: Ink) -> list[TextLine]:
    marks = find_marks(ink)
    if len(marks) == 0:
        return []
    if len(marks) > 4 * MAX_RUNS:
        marks = marks.take(np.argsort(-marks.area)[: 4 * MAX_RUNS].astype(np.int32))
    runs = group_runs(marks, ink)
    height, width = ink.text.shape
    slant = fit_slant(marks, runs, width, height)
    level = level_marks(marks, slant)
    return line_quads(level, join_lines(level, runs, ink.bars, slant), slant)
