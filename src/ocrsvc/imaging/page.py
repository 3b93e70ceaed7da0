"""A decoded page and the quads that mark places on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Quad: TypeAlias = NDArray[np.float32]
"""[4, 2] corners (x, y) in pixels, from the text's own top left, clockwise as seen on screen."""


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One picture after its EXIF orientation: the frame in which a browser shows it.

    `pixels` is [height, width, 3] uint8, RGB, C-contiguous.
    """

    pixels: NDArray[np.uint8]

    @property
    def width_px(self) -> int:
        """Columns of the page."""
        return int(self.pixels.shape[1])

    @property
    def height_px(self) -> int:
        """Rows of the page."""
        return int(self.pixels.shape[0])
