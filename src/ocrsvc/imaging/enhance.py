"""Grey pages and their enhancement: equalised, thresholded, denoised, scaled."""

from __future__ import annotations

from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrsvc.imaging.page import Page

LOW_CONTRAST = 48
"""Grey levels between the darkest and lightest percent below which AUTO equalises."""


class Enhancement(StrEnum):
    """What is done to a grey picture before it is read."""

    NONE = "none"
    AUTO = "auto"
    EQUALISE = "equalise"
    THRESHOLD = "threshold"
    DENOISE = "denoise"


def to_grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luminance (ITU-R BT.601) of [H, W, 3] RGB as [H, W] uint8; a picture that is grey already is returned as is."""
    if rgb.ndim == 2:
        return rgb
    return _bytes(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))


def equalise(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Contrast-limited adaptive histogram equalisation (Zuiderveld 1994) of [H, W]: evens light, lifts ink."""
    height, width = grey.shape
    tiles = (max(1, min(8, width // 64)), max(1, min(8, height // 64)))
    return _bytes(cv2.createCLAHE(clipLimit=2.0, tileGridSize=tiles).apply(grey))


def adaptive_threshold(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Black ink (0) on white (255) of [H, W], against the local mean; for dark text on an unevenly lit page."""
    window = max(3, min(51, (min(grey.shape) // 2) | 1))
    return _bytes(cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, window, 12))


def denoise(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Median over 3 x 3 of [H, W]: takes away specks, keeps edges."""
    return _bytes(cv2.medianBlur(grey, 3))


def scale_to_height(grey: NDArray[np.uint8], height_px: int) -> NDArray[np.uint8]:
    """Scale [h, w] to [height_px, W >= 1] with its aspect kept: by area when shrinking, cubic when growing."""
    height, width = grey.shape[:2]
    if height == height_px:
        return grey
    size = (max(1, round(width * height_px / height)), height_px)
    how = cv2.INTER_AREA if height > height_px else cv2.INTER_CUBIC
    return _bytes(cv2.resize(grey, size, interpolation=how))


def enhance(grey: NDArray[np.uint8], mode: Enhancement) -> NDArray[np.uint8]:
    """Apply one enhancement to [H, W]; AUTO equalises a picture of low contrast and leaves every other untouched."""
    match mode:
        case Enhancement.NONE:
            return grey
        case Enhancement.EQUALISE:
            return equalise(grey)
        case Enhancement.THRESHOLD:
            return adaptive_threshold(grey)
        case Enhancement.DENOISE:
            return denoise(grey)
        case Enhancement.AUTO:
            return equalise(grey) if contrast(grey) < LOW_CONTRAST else grey


def contrast(grey: NDArray[np.uint8]) -> int:
    """Grey levels between the darkest and the lightest percent of [H, W]."""
    histogram = cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel()  # np.bincount would copy it eight bytes wide
    share = np.cumsum(histogram, dtype=np.float64) / max(1, grey.size)
    return int(np.searchsorted(share, 0.99) - np.searchsorted(share, 0.01, side="right"))


def preview_page(page: Page, mode: Enhancement) -> NDArray[np.uint8]:
    """The page as the stages see it: [H, W] grey, enhanced."""
    return enhance(to_grey(page.pixels), mode)


def _bytes(image: object) -> NDArray[np.uint8]:
    return np.asarray(image, dtype=np.uint8)
