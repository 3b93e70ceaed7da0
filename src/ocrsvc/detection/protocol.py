"""What a detector of text lines takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ocrsvc.imaging.page import Page, Quad


@dataclass(frozen=True, slots=True, eq=False)
class LineQuad:
    """Where one line of text stands.

    `quad` is in page pixels, from the text's own top left, clockwise; `score` in [0, 1] says how much it looks
    like text.
    """

    quad: Quad
    score: float


class Detector(Protocol):
    """Finds the lines of text on a page; safe to call from several threads at once."""

    @property
    def name(self) -> str:
        """What answers and logs call this detector."""
        ...

    def detect(self, page: Page) -> list[LineQuad]:
        """Every line of text, in reading order; none for a page without text."""
        ...
