from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from ocrsvc.errors import Internal, Overloaded
from ocrsvc.recognition.ctc import LineText
from ocrsvc.recognition.waiting import Page, WaitingPages, covered_s
from tests.fakes import line_of, width_reading


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def page_of(loop: asyncio.AbstractEventLoop, *widths_px: int) -> Page:
    reply: asyncio.Future[list[LineText]] = loop.create_future()
    return Page([line_of(width) for width in widths_px], reply)


def pages_of(loop: asyncio.AbstractEventLoop, *pages: Sequence[int]) -> WaitingPages:
    waiting = WaitingPages()
    for widths_px in pages:
        waiting.add(page_of(loop, *widths_px))
    return waiting


def drain(waiting: WaitingPages, max_columns: int, cores: int = 1) -> list[list[int]]:
    batches = []
    while batch := waiting.take(max_columns, cores):
        batches.append([line.crop.width_px for line in batch])
    return batches


@pytest.mark.parametrize(
    ("pages", "max_columns", "batches", "reason"),
    [
        ([], 320, [], "nothing waits"),
        ([[10, 20, 30]], 320, [[10, 20, 30]], "lines of one bucket travel together"),
        ([[10] * 5], 64, [[10, 10], [10, 10], [10]], "the column budget splits"),
        ([[90] * 3], 100, [[90], [90], [90]], "the budget counts padded columns"),
        ([[10, 40, 20]], 320, [[10, 20], [40]], "buckets do not mix"),
        ([[900, 10, 10]], 100, [[900], [10, 10]], "an over-wide line runs alone"),
        ([[10] * 6, [20]], 64, [[10, 20], [10, 10], [10, 10], [10]], "pages fill a batch in turns"),
        ([[10] * 4, [50], [90]], 64, [[10, 10], [50], [90], [10, 10]], "pages lead batches in turns"),
        ([[10], [20], [30, 31]], 96, [[10, 20, 30], [31]], "oldest pages first"),
        ([[10, 50], [11], [51]], 320, [[10, 11], [51, 50]], "whoever leads, others of the bucket join"),
    ],
)
def test_batches_leave_in_this_order(
    loop: asyncio.AbstractEventLoop, pages: list[list[int]], max_columns: int, batches: list[list[int]], reason: str
) -> None:
    assert drain(pages_of(loop, *pages), max_columns) == batches, reason


def test_a_short_queue_is_spread_over_the_cores(loop: asyncio.AbstractEventLoop) -> None:
    assert [len(batch) for batch in drain(pages_of(loop, [320] * 8), 2560, cores=2)] == [4, 2, 1, 1]


def test_a_long_queue_fills_its_batches_on_any_number_of_cores(loop: asyncio.AbstractEventLoop) -> None:
    batches = drain(pages_of(loop, [320] * 64), 2560, cores=2)
    assert [len(batch) for batch in batches[:6]] == [8] * 6


def test_lines_of_a_page_nobody_wants_do_not_leave(loop: asyncio.AbstractEventLoop) -> None:
    waiting = WaitingPages()
    left, kept = page_of(loop, 10, 50), page_of(loop, 11)
    waiting.add(left)
    waiting.add(kept)
    left.reply.cancel()
    assert waiting.lines == 1
    assert drain(waiting, 320) == [[11]]


def test_a_dropped_page_is_gone(loop: asyncio.AbstractEventLoop) -> None:
    waiting = WaitingPages()
    page = page_of(loop, 10)
    waiting.add(page)
    waiting.drop(page)
    waiting.drop(page)
    assert waiting.lines == 0


def test_the_last_answer_sets_the_reply_in_the_order_of_the_lines(loop: asyncio.AbstractEventLoop) -> None:
    page = page_of(loop, 50, 10)
    page.answer(1, width_reading(10))
    assert page.wanted
    page.answer(0, width_reading(50))
    assert page.reply.result() == [width_reading(50), width_reading(10)]


def test_a_failure_is_a_new_object_for_each_page(loop: asyncio.AbstractEventLoop) -> None:
    error = Overloaded("full")
    pages = [page_of(loop, 10), page_of(loop, 10)]
    for page in pages:
        page.fail(error)
    first, second = (page.reply.exception() for page in pages)
    assert isinstance(first, Overloaded)
    assert isinstance(second, Overloaded)
    assert str(first) == "full"
    assert len({id(error), id(first), id(second)}) == 3


def test_an_unexpected_failure_keeps_its_cause_from_the_caller(loop: asyncio.AbstractEventLoop) -> None:
    page = page_of(loop, 10)
    page.fail(ValueError("secret"))
    error = page.reply.exception()
    assert isinstance(error, Internal)
    assert "secret" not in str(error)


def test_what_comes_after_the_reply_is_ignored(loop: asyncio.AbstractEventLoop) -> None:
    page = page_of(loop, 10)
    page.reply.cancel()
    page.answer(0, width_reading(10))
    page.fail(ValueError())
    assert page.reply.cancelled()


@pytest.mark.parametrize(
    ("intervals", "length"),
    [([], 0.0), ([(1.0, 3.0)], 2.0), ([(4.0, 5.0), (1.0, 3.0)], 3.0), ([(1.0, 4.0), (2.0, 3.0), (3.5, 6.0)], 5.0)],
)
def test_overlapping_batches_count_once(intervals: list[tuple[float, float]], length: float) -> None:
    assert covered_s(intervals) == length
