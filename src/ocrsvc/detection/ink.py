"""Ink against its ground: marks darker or lighter than the page around them, without rules and pictures."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
"""[H, W], 0 or 255."""

GROUND_STEP_PX = 4
GROUND_WINDOW = 17
"""The ground is the median of every fourth pixel in a window of 17 of them, 68 px: more than half of it is paper,
whatever the text in it, dark on light or light on dark."""
MIN_CONTRAST = 14
NOISE_FACTOR = 4.0
NOISY = 3.0
"""Median departure from the ground, grey levels, from which a page is smoothed first: it thins fine strokes."""
PEAK_SHARE = 0.3
"""Ink is what has this share of the strongest contrast nearby: follows blur and faint print."""
RULE_PX = 64
PICTURE_PX = 36
CODE_PX = 64
PATCHES = 56
"""Least patches of ink and ground in a square of a QR code; one character has some twenty, two by two have fifty."""


@dataclass(frozen=True, slots=True, eq=False)
class Ink:
    """Marks of one polarity: `text` without rules and pictures, and the upright rules that part cells.

    `contrast` [H, W] uint8 is how far a pixel stands out from the ground.
    """

    text: Mask
    bars: Mask
    contrast: NDArray[np.uint8]


def darkest_channel(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[H, W] least of the three channels: red and blue print is dark there as black is, white on a colour light."""
    darkest = cv2.extractChannel(rgb, 0)
    for channel in (1, 2):
        cv2.min(darkest, cv2.extractChannel(rgb, channel), dst=darkest)
    return _bytes(darkest)


def find_ink(value: NDArray[np.uint8]) -> tuple[Ink, Ink]:
    """Dark and light marks of [H, W], the page's darkest channel."""
    ground, edges = _ground(value)
    dark, light = _bytes(cv2.subtract(ground, value)), _bytes(cv2.subtract(value, ground))
    noise = float(np.median(cv2.max(dark, light)[::GROUND_STEP_PX, ::GROUND_STEP_PX]))
    if noise >= NOISY:
        soft = _bytes(cv2.GaussianBlur(value, (3, 3), 0))
        dark, light = _bytes(cv2.subtract(ground, soft)), _bytes(cv2.subtract(soft, ground))
    least = max(MIN_CONTRAST, NOISE_FACTOR * noise)
    dark_ink, light_ink = _mark(dark, least, edges), _mark(light, least, edges)
    pictures = _pictures(value, least)
    return _clean(dark_ink, pictures, dark), _clean(light_ink, pictures, light)


def _ground(value: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The ground under the ink, and how steep it is: its own edges are no ink."""
    height, width = value.shape
    sparse = np.ascontiguousarray(value[GROUND_STEP_PX // 2 :: GROUND_STEP_PX, GROUND_STEP_PX // 2 :: GROUND_STEP_PX])
    if min(sparse.shape) < 2:
        sparse = value
    median = cv2.medianBlur(sparse, GROUND_WINDOW)
    steep = cv2.morphologyEx(median, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    size = (width, height)
    ground = cv2.resize(median, size, interpolation=cv2.INTER_LINEAR)
    return _bytes(ground), _bytes(cv2.resize(steep, size, interpolation=cv2.INTER_LINEAR))


def _mark(contrast: NDArray[np.uint8], least: float, edges: NDArray[np.uint8]) -> Mask:
    """Where contrast passes the page's least, a share of the peak within some 30 px, and the ground's own steps."""
    height, width = contrast.shape
    peak = cv2.dilate(contrast, np.ones((5, 5), np.uint8))[::4, ::4]
    peak = cv2.blur(cv2.dilate(peak, np.ones((13, 13), np.uint8)), (7, 7))
    bound = cv2.resize(cv2.convertScaleAbs(peak, alpha=PEAK_SHARE), (width, height), interpolation=cv2.INTER_LINEAR)
    return _bytes(
        cv2.compare(contrast, np.maximum(np.maximum(bound, edges), np.uint8(min(255, round(least)))), cv2.CMP_GT)
    )


def _clean(ink: Mask, pictures: Mask | None, contrast: NDArray[np.uint8]) -> Ink:
    if not ink.any():
        return Ink(ink, ink, contrast)
    flat = _runs(ink, along_x=True)
    bars = _runs(ink, along_x=False)
    rules = cv2.bitwise_or(flat, bars)
    text = cv2.bitwise_and(ink, cv2.bitwise_not(rules))
    if pictures is not None:
        text = cv2.bitwise_and(text, cv2.bitwise_not(pictures))
    return Ink(_bytes(text), bars, contrast)


def _runs(ink: Mask, along_x: bool) -> Mask:
    """Ink in unbroken runs of `RULE_PX`, slightly aslant ones too: rules, frames, underlines, edges of pictures."""
    window = (RULE_PX, 1) if along_x else (1, RULE_PX)
    across = np.ones((3, 1) if along_x else (1, 3), np.uint8)
    thick = cv2.dilate(ink, across)
    core = _above(cv2.blur(thick, window, borderType=cv2.BORDER_CONSTANT), 247)
    if not core.any():
        return _bytes(np.zeros_like(ink))
    whole = _above(cv2.blur(core, window, borderType=cv2.BORDER_CONSTANT), 0)
    return _bytes(cv2.bitwise_and(cv2.dilate(whole, across), ink))


def _pictures(value: NDArray[np.uint8], least: float) -> Mask | None:
    """Square regions full of edges and small patches with no empty rows between them: QR codes and the like.

    Edges are asked, not ink: in a code, ground and ink change places.
    """
    edges = _above(cv2.morphologyEx(value, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)), int(min(2 * least, 250)))
    small = _above(cv2.resize(edges, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA), 60)
    small = _bytes(cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)))
    side = PICTURE_PX // 4
    solid = cv2.morphologyEx(small, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(solid)
    found = None
    for x, y, width, height, _area in (stats[1:count] * 4).tolist():
        part = slice(y, y + height), slice(x, x + width)
        if min(width, height) < CODE_PX or max(width, height) > 1.25 * min(width, height):
            continue
        rows, columns = _has_empty_rows(edges[part]), _has_empty_rows(edges[part].T)
        if rows or columns or _patches(value[part]) < PATCHES:
            continue
        found = np.zeros_like(value) if found is None else found
        x0, y0, x1, y1 = _grown(edges, x, y, x + width, y + height)
        found[y0:y1, x0:x1] = 255
    return found


def _grown(ink: Mask, x0: int, y0: int, x1: int, y1: int) -> tuple[int, int, int, int]:
    """A box drawn out on every side as long as ink goes on without a break."""
    step = 5
    for _ in range(12):
        sides = (
            ink[y0:y1, max(0, x0 - step) : x0],
            ink[max(0, y0 - step) : y0, x0:x1],
            ink[y0:y1, x1 : x1 + step],
            ink[y1 : y1 + step, x0:x1],
        )
        left, top, right, bottom = (side.size > 0 and float(side.mean()) > 0.08 * 255 for side in sides)
        if not (left or top or right or bottom):
            break
        x0, y0 = max(0, x0 - step * left), max(0, y0 - step * top)
        x1, y1 = x1 + step * right, y1 + step * bottom
    return max(0, x0 - 2), max(0, y0 - 2), x1 + 2, y1 + 2


def _has_empty_rows(ink: Mask) -> bool:
    """Whether strips of the region show lines of text with gaps between: strips, so that slant does not hide these."""
    height, width = ink.shape
    strip = min(width, 2 * PICTURE_PX)
    density = ink[:, : width // strip * strip].reshape(height, -1, strip).mean(axis=2)
    return bool((density < 0.08 * 255).mean() > 0.14)


def _patches(value: NDArray[np.uint8]) -> float:
    """Dark and light patches in each square of the region's height."""
    height, width = value.shape
    dark = cv2.threshold(value, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)[1]
    count = cv2.connectedComponents(dark, connectivity=4)[0] + cv2.connectedComponents(cv2.bitwise_not(dark))[0]
    return float(count * height / width)


def _above(image: object, level: int) -> Mask:
    return _bytes(cv2.threshold(_bytes(image), level, 255, cv2.THRESH_BINARY)[1])


def _bytes(image: object) -> NDArray[np.uint8]:
    return np.asarray(image, dtype=np.uint8)
