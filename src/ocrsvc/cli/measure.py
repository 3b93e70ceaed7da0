"""Measurements in this process: stages of a page, lines per second of the recogniser, the best batch size."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ocrsvc.cli.drawn import digit_lines
from ocrsvc.compute import Priority
from ocrsvc.detection.contours import ContourDetector
from ocrsvc.detection.protocol import LineQuad
from ocrsvc.engine import Engine, open_engine
from ocrsvc.imaging.page import Page
from ocrsvc.reader import ReadOptions
from ocrsvc.recognition.line import LineCrop
from ocrsvc.recognition.onnx import Recogniser
from ocrsvc.settings import Settings

STAGES = ("decode", "detect", "prepare", "queue", "recognise", "total")
LINE_WIDTH_PX = 320


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and 95th percentile of some durations, milliseconds."""

    median_ms: float
    p95_ms: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Spread:
        """Summarise durations in seconds; p95 is the nearest rank."""
        ranked = sorted(seconds)
        p95 = ranked[max(0, math.ceil(0.95 * len(ranked)) - 1)]
        return cls(round(median(ranked) * 1e3, 3), round(p95 * 1e3, 3))


@dataclass(frozen=True, slots=True)
class PageTimes:
    """One page read again and again, alone: its lines, and the time in each stage."""

    page: str
    lines: int
    rounds: int
    stages: dict[str, Spread]


@dataclass(frozen=True, slots=True)
class LineRate:
    """The recogniser alone: `batch` lines of LINE_WIDTH_PX a call, `threads` calls at once."""

    batch: int
    threads: int
    lines_per_s: float
    call: Spread


@dataclass(frozen=True, slots=True)
class BudgetRate:
    """Several pages in flight under one bound of columns a batch."""

    max_columns: int
    pages_per_s: float
    page: Spread


class TimedDetector:
    """A detector that notes how long it took; for one page at a time."""

    name = ContourDetector.name

    def __init__(self) -> None:
        self._detector = ContourDetector()
        self.last_s = 0.0

    def detect(self, page: Page) -> list[LineQuad]:
        """Every line of text, in reading order."""
        started_s = time.perf_counter()
        lines = self._detector.detect(page)
        self.last_s = time.perf_counter() - started_s
        return lines


async def time_page(name: str, data: bytes, settings: Settings, recogniser: Recogniser, seconds: float) -> PageTimes:
    """Read one page on all cores for some seconds, at least five times after a first time that does not count."""
    rounds: dict[str, list[float]] = {stage: [] for stage in STAGES}
    detector = TimedDetector()
    async with open_engine(settings, recogniser, detector) as engine:
        reading = await engine.reader.read(data, ReadOptions())
        until_s = time.perf_counter() + seconds
        while len(rounds["total"]) < 5 or time.perf_counter() < until_s:
            started_s = time.perf_counter()
            reading = await engine.reader.read(data, ReadOptions())
            total_s = time.perf_counter() - started_s
            times = reading.timings
            prepare_s = times.detect_s - detector.last_s
            parts = (times.decode_s, detector.last_s, prepare_s, times.queue_s, times.recognise_s, total_s)
            for stage, part_s in zip(STAGES, parts, strict=True):
                rounds[stage].append(part_s)
    spreads = {stage: Spread.of(values) for stage, values in rounds.items()}
    return PageTimes(name, len(reading.lines), len(rounds["total"]), spreads)


async def time_lines(engine: Engine, batch: int, threads: int, seconds: float) -> LineRate:
    """Call the recogniser with full batches from `threads` threads of the engine's pool, for some seconds."""
    lines = [LineCrop(pixels) for pixels in digit_lines(batch, LINE_WIDTH_PX, engine.recogniser.height_px)]

    def call_until(until_s: float) -> list[float]:
        calls: list[float] = []
        while len(calls) < 3 or time.perf_counter() < until_s:
            started_s = time.perf_counter()
            engine.recogniser.infer(lines)
            calls.append(time.perf_counter() - started_s)
        return calls

    await engine.pool.run(engine.recogniser.infer, lines)
    started_s = time.perf_counter()
    until_s = started_s + seconds
    jobs = [engine.pool.run(call_until, until_s, priority=Priority.RECOGNISE) for _ in range(threads)]
    calls = [call_s for job in await asyncio.gather(*jobs) for call_s in job]
    elapsed_s = time.perf_counter() - started_s
    return LineRate(batch, threads, round(len(calls) * batch / elapsed_s, 1), Spread.of(calls))


async def time_budget(
    max_columns: int, pages: Sequence[bytes], settings: Settings, recogniser: Recogniser, seconds: float
) -> BudgetRate:
    """Keep four pages in flight for some seconds under one bound of columns a batch, at least eight pages in all."""
    took: list[float] = []
    async with open_engine(settings.model_copy(update={"batch_max_columns": max_columns}), recogniser) as engine:
        started_s = time.perf_counter()
        until_s = started_s + seconds

        async def client(first: int) -> None:
            number = first
            while number < first + 2 or time.perf_counter() < until_s:
                begun_s = time.perf_counter()
                await engine.reader.read(pages[number % len(pages)], ReadOptions())
                took.append(time.perf_counter() - begun_s)
                number += 1

        await asyncio.gather(*(client(number) for number in range(4)))
        elapsed_s = time.perf_counter() - started_s
    return BudgetRate(max_columns, round(len(took) / elapsed_s, 2), Spread.of(took))


def best_budget(rates: Sequence[BudgetRate]) -> int:
    """The smallest bound within 3 % of the fastest: smaller batches answer single lines sooner."""
    fastest = max(rate.pages_per_s for rate in rates)
    return min(rate.max_columns for rate in rates if rate.pages_per_s >= 0.97 * fastest)
