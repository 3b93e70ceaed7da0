"""A line crop at the model's height: its bucket, its padding and its cuts. Serving and training share this file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocrsvc.imaging.enhance import scale_to_height

MAX_LINE_WIDTH_PX = 2560
"""Lines wider than this are cut by `split_wide` before they are read."""

# (up to this width, buckets are multiples of this many pixels): narrow lines are many and cheap to pad tightly
_BUCKET_STEPS = ((640, 32), (1280, 64))
_WIDE_STEP_PX = 128


def bucket_width_px(width_px: int) -> int:
    """Width to which a line is padded, chosen by its own width alone.

    Multiples of 32 up to 640, of 64 up to 1280, of 128 above; there is no upper end.

    Raises:
        ValueError: `width_px` is below 1.
    """
    if width_px < 1:
        raise ValueError(f"a line is at least 1 pixel wide, not {width_px}")
    step = next((step for limit, step in _BUCKET_STEPS if width_px <= limit), _WIDE_STEP_PX)
    return -(-width_px // step) * step


@dataclass(frozen=True, slots=True, eq=False)
class LineCrop:
    """One text line, ready for the recogniser.

    Attributes:
        pixels: [height, width] uint8 grey, scaled to the model's height and enhanced; not padded.

    Raises:
        ValueError: `pixels` is of another dtype or rank, or empty.
    """

    pixels: NDArray[np.uint8]

    def __post_init__(self) -> None:
        """Refuse a crop that would fail the whole batch it travels in."""
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 2 or self.pixels.size == 0:
            raise ValueError(f"a line is [height, width] uint8, not {self.pixels.shape} {self.pixels.dtype}")

    @property
    def height_px(self) -> int:
        """Rows of the crop."""
        return int(self.pixels.shape[0])

    @property
    def width_px(self) -> int:
        """Columns of the crop, padding not counted."""
        return int(self.pixels.shape[1])

    @property
    def bucket_px(self) -> int:
        """Columns after padding."""
        return bucket_width_px(self.width_px)


def prepare_line(crop: NDArray[np.uint8], resize_height_px: int, model_height_px: int) -> LineCrop:
    """Scale a grey crop to the height that was asked for, then to the model's where that differs.

    The two steps are kept apart on purpose: a lower `resize_height_px` really lowers the resolution that is read.

    Args:
        crop: [h, w] uint8 grey, any h and w from 1.
        resize_height_px: height of the first step.
        model_height_px: height of the result.

    Returns:
        A crop with its own contiguous pixels (it keeps no page alive), aspect kept, at least 1 pixel wide.
    """
    scaled = scale_to_height(scale_to_height(crop, resize_height_px), model_height_px)
    return LineCrop(np.array(scaled, dtype=np.uint8, order="C", copy=True))


def border_colour(grey: NDArray[np.uint8]) -> int:
    """Median of a crop's outermost pixels (the upper one of an even count), the colour it is padded with.

    Args:
        grey: [height, width] uint8.
    """
    edge = np.concatenate((grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]))
    middle = edge.size // 2
    return int(np.partition(edge, middle)[middle])


def pad_lines(lines: Sequence[LineCrop]) -> NDArray[np.uint8]:
    """Stack lines of one bucket; each is padded on its right with its own border colour.

    Returns:
        [batch, height, bucket_px] uint8, C-contiguous.

    Raises:
        ValueError: no lines, or lines of several buckets or heights.
    """
    shapes = {(line.height_px, line.bucket_px) for line in lines}
    if len(shapes) != 1:
        raise ValueError(f"a batch holds lines of one height and one bucket, not {sorted(shapes)}")
    batch = np.empty((len(lines), *shapes.pop()), dtype=np.uint8)
    for row, line in zip(batch, lines, strict=True):
        row[:, : line.width_px] = line.pixels
        row[:, line.width_px :] = border_colour(line.pixels)
    return batch


def split_wide(line: LineCrop, max_width_px: int = MAX_LINE_WIDTH_PX) -> list[LineCrop]:
    """Cut a line that is too wide at its emptiest columns.

    Returns:
        The pieces from left to right, none over `max_width_px`; side by side they are the line again, to the pixel.

    Raises:
        ValueError: `max_width_px` is below 4.
    """
    if max_width_px < 4:
        raise ValueError(f"pieces of {max_width_px} pixels are too narrow to cut")
    pieces: list[LineCrop] = []
    rest = line.pixels
    while rest.shape[1] > max_width_px:
        cut = _emptiest_column(rest, max_width_px)
        pieces.append(LineCrop(np.ascontiguousarray(rest[:, :cut])))
        rest = rest[:, cut:]
    return [*pieces, LineCrop(np.ascontiguousarray(rest))] if pieces else [line]


def _emptiest_column(grey: NDArray[np.uint8], max_width_px: int) -> int:
    """Where to cut, in [max / 2, max]; what is left keeps at least a quarter of `max_width_px`."""
    low = max_width_px // 2
    high = min(max_width_px, grey.shape[1] - max_width_px // 4)
    ink = np.abs(grey.astype(np.float32) - border_colour(grey)).mean(axis=0)
    window = max(3, grey.shape[0] // 2) | 1  # half a character: finds gaps between words rather than between strokes
    smooth = np.convolve(np.pad(ink, window // 2, mode="edge"), np.full(window, 1 / window), mode="valid")[
        low : high + 1
    ]
    emptiest = np.flatnonzero(smooth <= smooth.min() + 0.5)
    runs = np.split(emptiest, np.flatnonzero(np.diff(emptiest) > 1) + 1)
    widest = max(runs, key=len)
    return low + int(widest[len(widest) // 2])
