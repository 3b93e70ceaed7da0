"""A detector of text lines made of OpenCV's classics alone: ink, connected marks, lines."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrsvc.detection.choose import choose_lines, drop_texture, take_large
from ocrsvc.detection.ink import Ink, darkest_channel, find_ink
from ocrsvc.detection.lines import join_lines, level_marks
from ocrsvc.detection.marks import Ints, Marks, find_marks, group_runs
from ocrsvc.detection.order import order_lines
from ocrsvc.detection.protocol import LineQuad
from ocrsvc.detection.quads import TextLine, line_quads
from ocrsvc.detection.slant import fit_slant
from ocrsvc.imaging.enhance import to_grey
from ocrsvc.imaging.geometry import box_quad, quad_size
from ocrsvc.imaging.page import Page

WORK_PIXELS = 3_000_000
"""Larger pages are looked at scaled down to this many pixels."""
SMALL_SIDE_PX = 56
COARSER = 3.0
"""Each further look at the page is this much coarser, for larger text,"""
COARSEST_SIDE_PX = 40
"""down to this side of the page."""
COARSE_HEIGHT_PX = 14
"""Lower lines of a coarse look are left to the finer one."""
MIN_HEIGHT_PX = 5
"""Lower lines, in pixels of the page, cannot be read."""
ONE_LINE_PX = 64
MAX_MARKS = 40_000
MAX_RUNS = 3000
ONE_LINE_CONTRAST = 40
"""Pictures lower or narrower than this are looked at enlarged."""


class ContourDetector:
    """Finds lines of text on clean documents and screenshots; holds no state, so threads may share it."""

    name = "contours"

    def detect(self, page: Page) -> list[LineQuad]:
        """Every line of text in reading order; slanted lines get slanted quads."""
        if min(page.width_px, page.height_px) < 4:
            return []
        value = darkest_channel(page.pixels)
        scale = _work_scale(page.width_px, page.height_px)
        lines = _detect_at(value, scale)
        while min(page.width_px, page.height_px) * (scale := scale / COARSER) >= COARSEST_SIDE_PX:
            lines = take_large(lines, [line for line in _detect_at(value, scale) if _is_large(line, scale)])
        lines = drop_texture([line for line in lines if quad_size(line.quad)[1] >= MIN_HEIGHT_PX])
        if not lines and _is_one_line(page.pixels):
            lines = [LineQuad(box_quad(0, 0, page.width_px, page.height_px), 0.5)]
        return order_lines(lines)


def _is_large(line: LineQuad, scale: float) -> bool:
    """Whether a line of a coarse look is too large for the finer one; single blots are no lines there."""
    across, down = quad_size(line.quad)
    return down * scale >= COARSE_HEIGHT_PX and across >= 2 * down


def _is_one_line(pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture has the shape of a line and ink in it: a crop cut too close to show its ground."""
    height, width = pixels.shape[:2]
    if height > ONE_LINE_PX or width < 1.5 * height:
        return False
    grey = cv2.GaussianBlur(to_grey(pixels), (3, 3), 0)
    return int(grey.max()) - int(grey.min()) >= ONE_LINE_CONTRAST


def _work_scale(width_px: int, height_px: int) -> float:
    most = math.sqrt(WORK_PIXELS / (width_px * height_px))
    return min(most, max(min(1.0, most), min(4.0, SMALL_SIDE_PX / min(width_px, height_px))))


def _detect_at(value: NDArray[np.uint8], scale: float) -> list[LineQuad]:
    """Lines found at a scale in a page's darkest channel, in pixels of the page itself."""
    if scale != 1.0:
        height, width = value.shape
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        value = np.asarray(cv2.resize(value, size, interpolation=how), dtype=np.uint8)
    dark, light = find_ink(value)
    found = choose_lines(_lines_of(dark), _lines_of(light))
    if scale == 1.0:
        return found
    return [LineQuad((line.quad / scale).astype(np.float32), line.score) for line in found]


def _largest_runs(marks: Marks, runs: Ints) -> tuple[Marks, Ints]:
    """The runs with most ink, where noise or a photograph gives more than a page of text has."""
    ink = np.bincount(runs, marks.area)
    if len(ink) <= MAX_RUNS:
        return marks, runs
    kept = np.isin(runs, np.argsort(-ink)[:MAX_RUNS])
    return marks.take(kept), np.unique(runs[kept], return_inverse=True)[1].astype(np.int32)


def _lines_of(ink: Ink) -> list[TextLine]:
    marks = find_marks(ink)
    if len(marks) == 0:
        return []
    if len(marks) > MAX_MARKS:
        marks = marks.take(np.argsort(-marks.area)[:MAX_MARKS].astype(np.int32))
    marks, runs = _largest_runs(marks, group_runs(marks, ink))
    height, width = ink.text.shape
    slant = fit_slant(marks, runs, width, height)
    level = level_marks(marks, slant)
    return line_quads(level, join_lines(level, runs, ink.bars, slant), slant)
