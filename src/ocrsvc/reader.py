"""The one place that walks a page through the stages: decode, detect, crop, recognise, assemble."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ocrsvc.compute import ComputePool
from ocrsvc.detection.protocol import Detector
from ocrsvc.imaging.decode import DecodeLimits, decode_image
from ocrsvc.imaging.enhance import Enhancement, preview_page
from ocrsvc.imaging.geometry import crop_line
from ocrsvc.imaging.page import Page, Quad
from ocrsvc.recognition.batching import Recognised
from ocrsvc.recognition.ctc import CharReading, LineText
from ocrsvc.recognition.line import MAX_LINE_WIDTH_PX, LineCrop, prepare_line, split_wide

NOISE_CONFIDENCE = 0.2
"""A reading less sure than this is taken for what it nearly always is: a pattern, an edge or a picture, not text."""
SPACE_GAP = 0.45
"""A gap between two pieces of a cut line, wider than this share of a character, is written as a space."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a caller may choose about reading one page.

    Attributes:
        resize_height_px: 16..64; crops are scaled to this height, then to the model's own.
        min_confidence: 0..1; lines below it are left out, as are those below NOISE_CONFIDENCE always.
    """

    resize_height_px: int = 32
    min_confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Seconds one page took in each stage; `queue_s` is all waiting for the pool and for a batch."""

    decode_s: float = 0.0
    detect_s: float = 0.0
    queue_s: float = 0.0
    recognise_s: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class ReadLine:
    """One line of a page.

    Attributes:
        text: as printed; never empty.
        confidence: geometric mean of its characters' probabilities, in [0, 1].
        quad: [4, 2] pixels on the page, from the text's own top left, clockwise.
        chars: one reading per character of `text`, spans as fractions along the quad.
    """

    text: str
    confidence: float
    quad: Quad
    chars: tuple[CharReading, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PageReading:
    """All lines of one page in reading order, and what it took.

    `width_px` and `height_px` are those of the picture after its EXIF orientation; `rotation` is the number of
    clockwise degrees that would make the page upright.
    """

    lines: tuple[ReadLine, ...]
    width_px: int
    height_px: int
    rotation: int
    timings: StageTimes


@dataclass(frozen=True, slots=True, eq=False)
class _PreparedPage:
    """A page's lines, ready for the recogniser: `crops[i]` are the pieces of the line at `quads[i]`."""

    quads: list[Quad]
    crops: list[list[LineCrop]]


class LineReader(Protocol):
    """What reads prepared lines: the batcher, or a fake."""

    async def recognise(self, lines: Sequence[LineCrop]) -> Recognised:
        """Read one page's lines, in order; cancelling drops those not yet in a batch."""


class PageReader:
    """Reads pages: blocking stages run in the compute pool, lines go through the batcher.

    Args:
        detector: finds the lines, in reading order.
        lines: reads them.
        pool: threads for decoding and detection.
        model_height_px: height of the recogniser's input.
        limits: checked before pixels are decoded.
        enhancement: applied to the grey page before lines are cut out.
    """

    def __init__(
        self,
        detector: Detector,
        lines: LineReader,
        pool: ComputePool,
        *,
        model_height_px: int,
        limits: DecodeLimits,
        enhancement: Enhancement = Enhancement.AUTO,
    ) -> None:
        self._detector, self._lines, self._pool = detector, lines, pool
        self._model_height_px, self._limits, self._enhancement = model_height_px, limits, enhancement

    async def read(self, data: bytes, options: ReadOptions) -> PageReading:
        """Read every line of one picture. Cancelling the call drops whatever has not begun.

        Raises:
            OcrError: ImageRejected, UnsupportedType or TooLarge from decoding; Unavailable when stopping.
        """
        started_s = time.perf_counter()
        page, decode_s = await self._pool.run(self._decode, data)
        prepared, detect_s = await self._pool.run(self._prepare, page, options)
        width_px, height_px = page.width_px, page.height_px
        del page  # its pixels are not needed while its lines wait
        waited_s = time.perf_counter() - started_s - decode_s - detect_s
        pieces = [piece for crops in prepared.crops for piece in crops]
        recognised = await self._lines.recognise(pieces) if pieces else Recognised([], 0.0, 0.0)
        return PageReading(
            lines=tuple(_assemble(prepared, recognised.lines, options.min_confidence)),
            width_px=width_px,
            height_px=height_px,
            rotation=0,
            timings=StageTimes(decode_s, detect_s, max(0.0, waited_s) + recognised.queue_s, recognised.compute_s),
        )

    async def preview(self, data: bytes) -> NDArray[np.uint8]:
        """Return the page as the stages see it: [H, W] grey, enhanced.

        Raises:
            OcrError: as `read`.
        """
        return await self._pool.run(self._preview, data)

    def _preview(self, data: bytes) -> NDArray[np.uint8]:
        return preview_page(decode_image(data, self._limits), self._enhancement)

    def _decode(self, data: bytes) -> tuple[Page, float]:
        started_s = time.perf_counter()
        page = decode_image(data, self._limits)
        return page, time.perf_counter() - started_s

    def _prepare(self, page: Page, options: ReadOptions) -> tuple[_PreparedPage, float]:
        started_s = time.perf_counter()
        quads = [line.quad for line in self._detector.detect(page)]
        grey = preview_page(page, self._enhancement)
        crops = [self._crop(grey, quad, options.resize_height_px) for quad in quads]
        return _PreparedPage(quads, crops), time.perf_counter() - started_s

    def _crop(self, grey: NDArray[np.uint8], quad: Quad, resize_height_px: int) -> list[LineCrop]:
        crop = crop_line(grey, quad, resize_height_px)
        return split_wide(prepare_line(crop, resize_height_px, self._model_height_px), MAX_LINE_WIDTH_PX)


def _assemble(prepared: _PreparedPage, texts: Sequence[LineText], min_confidence: float) -> Iterator[ReadLine]:
    """Pair quads with what was read there; lines without text, or less sure than asked for, are left out."""
    least = max(min_confidence, NOISE_CONFIDENCE)
    remaining = iter(texts)
    for quad, crops in zip(prepared.quads, prepared.crops, strict=True):
        pieces = [(next(remaining), crop.width_px) for crop in crops]
        line = merge_pieces(pieces)
        if line.text and line.confidence >= least:
            yield ReadLine(line.text, line.confidence, quad, line.chars)


def merge_pieces(pieces: Sequence[tuple[LineText, int]]) -> LineText:
    """Join what the pieces of one cut line read.

    Args:
        pieces: text and width in pixels of each piece, from left to right.

    Returns:
        One text whose spans are fractions of the whole line; its confidence is the geometric mean over all
        characters. Between two pieces stands a space where the gap is wider than SPACE_GAP of a character.
    """
    if len(pieces) == 1:
        return pieces[0][0]
    total_px = sum(width for _, width in pieces)
    chars: list[CharReading] = []
    offset_px = 0
    for text, width_px in pieces:
        moved = [_moved(char, offset_px, width_px, total_px) for char in text.chars]
        if chars and moved and _is_gap(chars, moved):
            last, first = chars[-1], moved[0]
            chars.append(CharReading(" ", last.end, first.start, min(last.confidence, first.confidence), ()))
        chars.extend(moved)
        offset_px += width_px
    return LineText("".join(char.text for char in chars), _mean_confidence(pieces), tuple(chars))


def _moved(char: CharReading, offset_px: int, width_px: int, total_px: int) -> CharReading:
    start, end = ((offset_px + part * width_px) / total_px for part in (char.start, char.end))
    return replace(char, start=start, end=end)


def _is_gap(before: Sequence[CharReading], after: Sequence[CharReading]) -> bool:
    """Tell whether the gap between two pieces is a printed space, by the distances of characters around it."""
    starts = [char.start for char in (*before[-8:], *after[:8]) if char.text != " "]
    pitches = [right - left for left, right in pairwise(starts)]
    widths = [char.end - char.start for char in (*before[-8:], *after[:8])]
    character = min(median(pitches), median(widths)) if pitches else median(widths)
    return after[0].start - before[-1].end > SPACE_GAP * character


def _mean_confidence(pieces: Sequence[tuple[LineText, int]]) -> float:
    count = sum(len(text.chars) for text, _ in pieces)
    if count == 0:
        return 0.0
    logs = sum(len(text.chars) * math.log(max(text.confidence, 1e-9)) for text, _ in pieces if text.chars)
    return math.exp(logs / count)
