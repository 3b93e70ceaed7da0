"""Places on a page: rectified crops of lines, bounding boxes and parts of lines."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrsvc.imaging.page import Quad

MAX_CROP_WIDTH_PX = 16_384
"""OpenCV's remapping counts pixels in 16 bits; a crop is squeezed to this width rather than failing."""


def crop_line(pixels: NDArray[np.uint8], quad: Quad, height_px: int) -> NDArray[np.uint8]:
    """Cut a line out of a page and set it straight.

    The quad's own corner order says which way is up: a quad whose first edge runs down the page
    (a turned line) comes out lying. Where the quad leaves the page, its edge pixels go on.

    Args:
        pixels: [H, W] or [H, W, 3], uint8.
        quad: [4, 2] from the text's own top left, clockwise.
        height_px: height of the crop; its width follows from the quad's aspect, at least 1.

    Returns:
        [height_px, width] or [height_px, width, 3], uint8, C-contiguous.
    """
    corners = np.asarray(quad, dtype=np.float32).reshape(4, 2)
    across, down = quad_size(corners)
    width_px = min(max(1, round(across * height_px / max(down, 1e-3))), MAX_CROP_WIDTH_PX)
    source, offset = _neighbourhood(pixels, corners)
    corners = corners - offset
    shrink = down / height_px
    if shrink > 1.5:  # bilinear sampling would skip pixels: average them first
        scale = 1.0 / shrink
        size = (max(1, round(source.shape[1] * scale)), max(1, round(source.shape[0] * scale)))
        exact = np.array([size[0] / source.shape[1], size[1] / source.shape[0]], dtype=np.float32)
        source = np.asarray(cv2.resize(source, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        corners = corners * exact
    # Corners are positions between pixels, warps count pixel centres: half a pixel apart.
    target = np.array([[0, 0], [width_px, 0], [width_px, height_px], [0, height_px]], dtype=np.float32) - 0.5
    how = cv2.INTER_CUBIC if shrink < 0.8 else cv2.INTER_LINEAR
    matrix = cv2.getPerspectiveTransform((corners - 0.5).astype(np.float32), target)
    crop = cv2.warpPerspective(source, matrix, (width_px, height_px), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(crop, dtype=np.uint8)


def quad_size(quad: Quad) -> tuple[float, float]:
    """Length along the text and height across it, pixels: means of opposite edges."""
    top_left, top_right, bottom_right, bottom_left = np.asarray(quad, dtype=np.float64)
    across = (_distance(top_left, top_right) + _distance(bottom_left, bottom_right)) / 2
    down = (_distance(top_left, bottom_left) + _distance(top_right, bottom_right)) / 2
    return across, down


def bounding_box(quad: Quad, width_px: int, height_px: int) -> tuple[int, int, int, int]:
    """Smallest whole-pixel box (x_min, y_min, x_max, y_max) around a quad, clipped to the page."""
    points = np.asarray(quad, dtype=np.float64)
    x_min, y_min = np.floor(points.min(axis=0) + 1e-3)
    x_max, y_max = np.ceil(points.max(axis=0) - 1e-3)
    return (
        int(min(max(x_min, 0), width_px)),
        int(min(max(y_min, 0), height_px)),
        int(min(max(x_max, 0), width_px)),
        int(min(max(y_max, 0), height_px)),
    )


def sub_quad(quad: Quad, start: float, end: float) -> Quad:
    """The part of a line between two fractions along it: 0 is its beginning, 1 its end."""
    top_left, top_right, bottom_right, bottom_left = np.asarray(quad, dtype=np.float32)
    top, bottom = top_right - top_left, bottom_right - bottom_left
    corners = [top_left + start * top, top_left + end * top, bottom_left + end * bottom, bottom_left + start * bottom]
    return np.stack(corners).astype(np.float32)


def box_quad(x_min: float, y_min: float, x_max: float, y_max: float) -> Quad:
    """The quad of an upright box."""
    return np.array([[x_min, y_min], [x_max, y_min], [x_max, y_max], [x_min, y_max]], dtype=np.float32)


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return math.hypot(float(a[0] - b[0]), float(a[1] - b[1]))


def _neighbourhood(pixels: NDArray[np.uint8], corners: Quad) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The part of the page that a crop can touch, and its offset: keeps pages past 32,767 px within OpenCV's reach."""
    height, width = pixels.shape[:2]
    x_min, y_min = np.floor(corners.min(axis=0)).astype(int) - 4
    x_max, y_max = np.ceil(corners.max(axis=0)).astype(int) + 4
    x_min, x_max = min(max(int(x_min), 0), width - 1), min(max(int(x_max), 1), width)
    y_min, y_max = min(max(int(y_min), 0), height - 1), min(max(int(y_max), 1), height)
    part = pixels[y_min : max(y_max, y_min + 1), x_min : max(x_max, x_min + 1)]
    return part, np.array([x_min, y_min], dtype=np.float32)
