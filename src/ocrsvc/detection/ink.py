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
PEAK_SHARE = 0.4
"""Ink is what has this share of the strongest contrast nearby: follows blur and faint print."""
RULE_PX = 64
PICTURE_PX = 44


@dataclass(frozen=True, slots=True, eq=False)
class Ink:
    """Marks of one polarity: `text` without rules and pictures, and the upright rules that part cells."""

    text: Mask
    bars: Mask


def find_ink(rgb: NDArray[np.uint8]) -> tuple[Ink, Ink]:
    """Dark and light marks of [H, W, 3] RGB.

    The darkest of the three channels is looked at: there, red or blue print is as dark as black, and white print on
    a coloured ground stands out.
    """
    red, green, blue = cv2.split(rgb)
    value = _bytes(cv2.min(cv2.min(red, green), blue))
    ground = _ground(value)
    soft = cv2.GaussianBlur(value, (3, 3), 0)
    dark, light = _bytes(cv2.subtract(ground, soft)), _bytes(cv2.subtract(soft, ground))
    noise = float(np.median(cv2.max(dark, light)[::GROUND_STEP_PX, ::GROUND_STEP_PX]))
    least = max(MIN_CONTRAST, NOISE_FACTOR * noise)
    return _clean(_mark(dark, least)), _clean(_mark(light, least))


def _ground(value: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = value.shape
    sparse = np.ascontiguousarray(value[GROUND_STEP_PX // 2 :: GROUND_STEP_PX, GROUND_STEP_PX // 2 :: GROUND_STEP_PX])
    if min(sparse.shape) < 2:
        sparse = value
    median = cv2.medianBlur(sparse, GROUND_WINDOW)
    return _bytes(cv2.resize(median, (width, height), interpolation=cv2.INTER_LINEAR))


def _mark(contrast: NDArray[np.uint8], least: float) -> Mask:
    """Where contrast passes both the page's least and a share of the peak within some 30 px."""
    height, width = contrast.shape
    peak = cv2.dilate(contrast, np.ones((5, 5), np.uint8))[::4, ::4]
    peak = cv2.blur(cv2.dilate(peak, np.ones((13, 13), np.uint8)), (7, 7))
    bound = cv2.resize(cv2.convertScaleAbs(peak, alpha=PEAK_SHARE), (width, height), interpolation=cv2.INTER_LINEAR)
    return _bytes(cv2.compare(contrast, np.maximum(bound, np.uint8(min(255, round(least)))), cv2.CMP_GT))


def _clean(ink: Mask) -> Ink:
    if not ink.any():
        return Ink(ink, ink)
    flat = _runs(ink, along_x=True)
    bars = _runs(ink, along_x=False)
    rules = cv2.bitwise_or(flat, bars)
    text = cv2.bitwise_and(ink, cv2.bitwise_not(rules))
    pictures = _pictures(ink)
    if pictures is not None:
        text = cv2.bitwise_and(text, cv2.bitwise_not(pictures))
    return Ink(_bytes(text), bars)


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


def _pictures(ink: Mask) -> Mask | None:
    """Regions full of marks both ways, with no empty rows between them: QR codes, logos, photographs."""
    joined = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((19, 19), np.uint8))
    small = cv2.resize(joined, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    _, small = cv2.threshold(small, 200, 255, cv2.THRESH_BINARY)
    side = PICTURE_PX // 4
    solid = cv2.morphologyEx(small, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(solid)
    found = None
    for x, y, width, height, _area in stats[1:count] * 4:
        if _has_empty_rows(ink[y : y + height, x : x + width]):
            continue
        found = np.zeros_like(ink) if found is None else found
        margin = 10
        found[max(0, y - margin) : y + height + margin, max(0, x - margin) : x + width + margin] = 255
    return found


def _has_empty_rows(ink: Mask) -> bool:
    """Whether strips of the region show lines of text with gaps between: strips, so that slant does not hide them."""
    height, width = ink.shape
    strips = ink[:, : width // PICTURE_PX * PICTURE_PX].reshape(height, -1, PICTURE_PX)
    density = strips.mean(axis=2) / 255
    return bool((density < 0.08).mean() > 0.14)


def _above(image: object, level: int) -> Mask:
    return _bytes(cv2.threshold(_bytes(image), level, 255, cv2.THRESH_BINARY)[1])


def _bytes(image: object) -> NDArray[np.uint8]:
    return np.asarray(image, dtype=np.uint8)
