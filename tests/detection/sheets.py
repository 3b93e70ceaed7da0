"""Pages that the detection tests draw: strokes that look like characters, so that no font is needed."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrsvc.imaging.page import Page

Box = tuple[int, int, int, int]


@dataclass
class Sheet:
    """A page on which lines of square glyphs are drawn; `boxes` remembers where."""

    width: int = 900
    height: int = 600
    paper: tuple[int, int, int] = (255, 255, 255)
    pixels: NDArray[np.uint8] = field(init=False)
    boxes: list[Box] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.pixels = np.full((self.height, self.width, 3), self.paper, dtype=np.uint8)
        self.random = np.random.default_rng(7)

    def line(self, x: int, y: int, glyphs: int, size: int = 20, ink: tuple[int, int, int] = (0, 0, 0)) -> Box:
        """Draw glyphs of a size side by side, a tenth of the size apart; (x, y) is the line's top left."""
        for k in range(glyphs):
            self.glyph(x + round(k * size * 1.1), y, size, ink)
        box = (x, y, x + round((glyphs - 1) * size * 1.1) + size, y + size)
        self.boxes.append(box)
        return box

    def glyph(self, x: int, y: int, size: int, ink: tuple[int, int, int]) -> None:
        """Draw one character: two upright strokes, three level ones, and a random one inside."""
        t = max(1, size // 12)
        right, bottom = x + size - t, y + size - t
        for a, b in (((x, y), (x, bottom)), ((right, y), (right, bottom))):
            cv2.rectangle(self.pixels, a, (b[0] + t - 1, b[1] + t - 1), ink, -1)
        for level in (y, y + size // 2, bottom):
            cv2.rectangle(self.pixels, (x, level), (x + size - 1, level + t - 1), ink, -1)
        across = x + int(self.random.integers(size // 4, 3 * size // 4))
        cv2.rectangle(self.pixels, (across, y), (across + t - 1, bottom), ink, -1)

    def fill(self, box: Box, colour: tuple[int, int, int]) -> None:
        """Fill a box."""
        cv2.rectangle(self.pixels, box[:2], (box[2] - 1, box[3] - 1), colour, -1)

    def rule(self, start: tuple[int, int], end: tuple[int, int], thick: int = 2) -> None:
        """Draw a rule."""
        cv2.line(self.pixels, start, end, (60, 20, 20), thick)

    def page(self) -> Page:
        """The page as drawn."""
        return Page(self.pixels)

    def turned(self, degrees: float) -> Page:
        """The page turned about its middle, clockwise on screen."""
        matrix = cv2.getRotationMatrix2D((self.width / 2, self.height / 2), -degrees, 1.0)
        size = (self.width, self.height)
        return Page(np.asarray(cv2.warpAffine(self.pixels, matrix, size, borderValue=self.paper), dtype=np.uint8))
