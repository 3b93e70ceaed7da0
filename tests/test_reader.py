from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest

from ocrsvc.compute import ComputePool
from ocrsvc.detection.protocol import LineQuad
from ocrsvc.errors import ImageRejected, TooLarge
from ocrsvc.imaging.decode import DecodeLimits
from ocrsvc.imaging.enhance import Enhancement
from ocrsvc.imaging.geometry import box_quad
from ocrsvc.imaging.page import Page
from ocrsvc.reader import PageReader, ReadOptions, merge_pieces
from ocrsvc.recognition.batching import Recognised
from ocrsvc.recognition.ctc import CharReading, LineText
from ocrsvc.recognition.line import MAX_LINE_WIDTH_PX, LineCrop
from tests.api.fakes import picture
from tests.fakes import width_reading

pytestmark = pytest.mark.anyio


class FakeDetector:
    """Finds what it was given."""

    name = "given"

    def __init__(self, *boxes: tuple[int, int, int, int]) -> None:
        self.boxes = boxes

    def detect(self, page: Page) -> list[LineQuad]:
        return [LineQuad(box_quad(*box), 1.0) for box in self.boxes]


class HeldDetector(FakeDetector):
    """Holds the page until it is let go."""

    def __init__(self, *boxes: tuple[int, int, int, int]) -> None:
        super().__init__(*boxes)
        self.entered, self.leave = threading.Event(), threading.Event()

    def detect(self, page: Page) -> list[LineQuad]:
        self.entered.set()
        assert self.leave.wait(30), "nobody let the detector go"
        return super().detect(page)


class FakeLines:
    """Reads a line as its width, or as the texts it was given."""

    def __init__(self, texts: Sequence[LineText] | None = None) -> None:
        self.texts = texts
        self.seen: list[LineCrop] = []

    async def recognise(self, lines: Sequence[LineCrop]) -> Recognised:
        self.seen.extend(lines)
        return Recognised(list(self.texts or map(width_reading, (line.width_px for line in lines))), 0.25, 0.5)


def reader_of(pool: ComputePool, detector: FakeDetector, lines: FakeLines, **options: Any) -> PageReader:
    limits = DecodeLimits(max_pixels=options.pop("max_pixels", 10_000_000))
    return PageReader(detector, lines, pool, model_height_px=32, limits=limits, **options)


def spelt(text: str, confidence: float = 0.9, start: float = 0.0, end: float = 1.0) -> LineText:
    """Characters spread evenly between two fractions of the line."""
    step = (end - start) / max(1, len(text))
    chars = (CharReading(c, start + n * step, start + (n + 1) * step, confidence, ()) for n, c in enumerate(text))
    return LineText(text, confidence if text else 0.0, tuple(chars))


async def test_lines_come_in_the_detectors_order_with_their_quads(pool: ComputePool) -> None:
    detector = FakeDetector((0, 40, 50, 72), (0, 0, 90, 32))
    page = await reader_of(pool, detector, FakeLines()).read(picture(200, 100), ReadOptions())
    assert [line.text for line in page.lines] == ["50", "90"]
    assert np.array_equal(page.lines[0].quad, box_quad(0, 40, 50, 72))
    assert (page.width_px, page.height_px, page.rotation) == (200, 100, 0)


async def test_page_without_lines_asks_nothing_of_the_recogniser(pool: ComputePool) -> None:
    lines = FakeLines()
    page = await reader_of(pool, FakeDetector(), lines).read(picture(), ReadOptions())
    assert (page.lines, lines.seen, page.timings.recognise_s) == ((), [], 0.0)


async def test_times_of_the_stages_are_kept_apart(pool: ComputePool) -> None:
    page = await reader_of(pool, FakeDetector((0, 0, 50, 32)), FakeLines()).read(picture(), ReadOptions())
    times = page.timings
    assert times.recognise_s == 0.5
    assert times.queue_s >= 0.25
    assert min(times.decode_s, times.detect_s) > 0


async def test_lines_without_text_and_unsure_lines_are_left_out(pool: ComputePool) -> None:
    texts = [spelt("sure", 0.8), spelt(""), spelt("unsure", 0.79)]
    reader = reader_of(pool, FakeDetector(*[(0, 0, 50, 32)] * 3), FakeLines(texts))
    page = await reader.read(picture(), ReadOptions(min_confidence=0.8))
    assert [line.text for line in page.lines] == ["sure"]


async def test_patterns_read_as_text_with_next_to_no_confidence_are_never_lines(pool: ComputePool) -> None:
    lines = FakeLines([spelt("a", 0.19), spelt("b", 0.21)])
    page = await reader_of(pool, FakeDetector((0, 0, 50, 20), (0, 30, 50, 50)), lines).read(picture(), ReadOptions())
    assert [line.text for line in page.lines] == ["b"]


async def test_crops_come_at_the_models_height_whatever_height_was_asked_for(pool: ComputePool) -> None:
    lines = FakeLines()
    reader = reader_of(pool, FakeDetector((0, 0, 100, 50)), lines)
    for height_px in (16, 32, 64):
        await reader.read(picture(100, 50), ReadOptions(resize_height_px=height_px))
    assert {line.pixels.shape for line in lines.seen} == {(32, 64)}


async def test_lower_height_is_read_at_its_lower_resolution(pool: ComputePool) -> None:
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 255, (64, 200), dtype=np.uint8)
    data = bytes(cv2.imencode(".png", noise)[1])
    lines = FakeLines()
    reader = reader_of(pool, FakeDetector((0, 0, 200, 64)), lines, enhancement=Enhancement.NONE)
    for height_px in (16, 32):
        await reader.read(data, ReadOptions(resize_height_px=height_px))
    low, full = (float(line.pixels.std()) for line in lines.seen)
    assert low < full


async def test_line_too_wide_is_read_in_pieces_and_joined(pool: ComputePool) -> None:
    lines = FakeLines()
    page = await reader_of(pool, FakeDetector((0, 0, 6000, 32)), lines).read(picture(6000, 32), ReadOptions())
    assert max(line.width_px for line in lines.seen) <= MAX_LINE_WIDTH_PX
    assert sum(line.width_px for line in lines.seen) == 6000
    assert page.lines[0].text == "".join(str(line.width_px) for line in lines.seen)
    assert len(page.lines[0].chars) == len(page.lines[0].text)


async def test_pictures_are_enhanced_as_asked(pool: ComputePool) -> None:
    lines = FakeLines()
    reader = reader_of(pool, FakeDetector((0, 0, 64, 32)), lines, enhancement=Enhancement.THRESHOLD)
    await reader.read(picture(grey=90), ReadOptions())
    assert set(np.unique(lines.seen[0].pixels)) <= {0, 255}
    assert set(np.unique(await reader.preview(picture(grey=90)))) <= {0, 255}


async def test_picture_that_cannot_be_read_is_refused(pool: ComputePool) -> None:
    reader = reader_of(pool, FakeDetector(), FakeLines(), max_pixels=1000)
    with pytest.raises(ImageRejected):
        await reader.read(b"", ReadOptions())
    with pytest.raises(TooLarge):
        await reader.read(picture(100, 100), ReadOptions())


async def test_page_of_a_caller_that_left_goes_no_further(pool: ComputePool) -> None:
    lines, detector = FakeLines(), HeldDetector((0, 0, 64, 32))
    call = asyncio.create_task(reader_of(pool, detector, lines).read(picture(), ReadOptions()))
    await asyncio.to_thread(detector.entered.wait, 30)
    call.cancel()
    detector.leave.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert lines.seen == []


def test_spans_of_joined_pieces_are_fractions_of_the_whole_line() -> None:
    line = merge_pieces([(spelt("ab"), 300), (spelt("c"), 100)])
    assert line.text == "abc"
    assert [(char.start, char.end) for char in line.chars] == [(0.0, 0.375), (0.375, 0.75), (0.75, 1.0)]


def test_wide_gap_between_pieces_is_a_space() -> None:
    line = merge_pieces([(spelt("abcd", end=0.8), 100), (spelt("efgh"), 100)])
    assert line.text == "abcd efgh"
    space = line.chars[4]
    assert (space.start, space.end) == pytest.approx((0.4, 0.5))


def test_confidence_of_joined_pieces_is_the_mean_over_all_characters() -> None:
    line = merge_pieces([(spelt("aaa", 0.9), 100), (spelt("b", 0.1), 100)])
    assert line.confidence == pytest.approx((0.9**3 * 0.1) ** 0.25)


def test_pieces_without_text_add_nothing() -> None:
    assert merge_pieces([(spelt(""), 100), (spelt("ab"), 100), (spelt(""), 50)]).text == "ab"
    assert merge_pieces([(spelt(""), 100), (spelt(""), 100)]) == LineText("", 0.0, ())
