"""Gathers the lines of all pages in flight into batches, and gives each page its own answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from ocrsvc.compute import ComputePool, Priority
from ocrsvc.errors import Internal, OcrError, Overloaded, Unavailable
from ocrsvc.recognition.ctc import LineText
from ocrsvc.recognition.line import LineCrop
from ocrsvc.recognition.waiting import Page, WaitingLine, WaitingPages, covered_s

_log = logging.getLogger(__name__)

Infer = Callable[[Sequence[LineCrop]], list[LineText]]
"""Reads lines of one bucket, blocking; one result a line, in order."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Bounds of the batches and of the queue.

    Attributes:
        max_columns: rows x padded columns of one batch; a line wider than that runs alone.
        max_waiting_lines: backstop behind the door of the service: a page that would exceed it is refused, unless
            nothing waits.
    """

    max_columns: int = 2560
    max_waiting_lines: int = 50_000

    def __post_init__(self) -> None:
        """Refuse bounds under which nothing could run."""
        if self.max_columns < 1 or self.max_waiting_lines < 1:
            raise ValueError(f"a batch needs columns and a queue needs room: {self}")


@dataclass(frozen=True, slots=True)
class Recognised:
    """The lines of one page.

    Attributes:
        lines: what they read, in the order they were handed in.
        queue_s: seconds in which lines waited and none of them was in a batch.
        compute_s: seconds in which at least one of them was; both add up to the time of the call.
    """

    lines: list[LineText]
    queue_s: float
    compute_s: float


class BatchObserver(Protocol):
    """Hears of each batch and of the queue, on the event loop; it must neither block nor raise."""

    def batch_done(self, rows: int, real_columns: int, padded_columns: int, seconds: float) -> None:
        """A batch was read: its lines, their columns without and with padding, and how long it took."""

    def queue_depth(self, lines: int) -> None:
        """This many lines wait now."""


class NullObserver:
    """Listens to nothing."""

    def batch_done(self, rows: int, real_columns: int, padded_columns: int, seconds: float) -> None:
        """Ignore it."""

    def queue_depth(self, lines: int) -> None:
        """Ignore it."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a thread made of a batch: the lines that were still wanted, and when they were read."""

    lines: list[WaitingLine]
    texts: list[LineText]
    started_s: float
    ended_s: float


class LineBatcher:
    """Owns the waiting lines, every reply still owed, and one task per core that asks for the next batch.

    Use with `async with`, on one loop. A line never waits while a core is idle; lines gather while all are busy.
    Leaving answers what was accepted, then stops.
    """

    def __init__(
        self,
        infer: Infer,
        pool: ComputePool,
        limits: BatchLimits | None = None,
        observer: BatchObserver | None = None,
    ) -> None:
        """Describe the batcher; `__aenter__` starts it.

        Args:
            infer: called in the pool's threads, several at once.
            pool: entered before the batcher and left after it.
            limits: bounds; the defaults where None.
            observer: hears of batches and queue; nobody where None.
        """
        self._infer = infer
        self._pool = pool
        self._limits = limits or BatchLimits()
        self._observer = observer or NullObserver()
        self._waiting = WaitingPages()
        self._owed: set[Page] = set()
        self._wake = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []
        self._accepting = False
        self._closing = False

    @property
    def healthy(self) -> bool:
        """Whether lines are accepted and read: readiness. False for good once a worker or the pool has died."""
        return self._accepting and self._pool.healthy

    @property
    def waiting(self) -> int:
        """Lines in no batch yet."""
        return self._waiting.lines

    @property
    def owed(self) -> int:
        """Calls that wait for their reply."""
        return len(self._owed)

    async def __aenter__(self) -> Self:
        """Start one worker per thread of the pool."""
        if self._workers:
            raise RuntimeError("a batcher is entered once")
        self._accepting = True
        self._workers = [
            asyncio.create_task(self._work(), name=f"batch-worker-{number}") for number in range(self._pool.threads)
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Refuse new lines, answer those accepted, end the workers; cancelling this fails what is left."""
        self._accepting = False
        self._closing = True
        self._wake.set()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def recognise(self, lines: Sequence[LineCrop]) -> Recognised:
        """Read one page's lines. Cancelling this call drops those not yet read.

        Raises:
            Overloaded: too many lines wait; none of these was started.
            Unavailable: the batcher is not entered, is closing, or a worker died.
            Internal: a batch with lines of this page failed; the cause is in the log.
        """
        if not self._accepting:
            raise Unavailable("The service is starting or stopping; try again.")
        if not lines:
            return Recognised([], 0.0, 0.0)
        waiting = self.waiting
        if waiting and waiting + len(lines) > self._limits.max_waiting_lines:
            raise Overloaded("Too many lines wait to be read; try again later.")
        loop = asyncio.get_running_loop()
        page, admitted_s = Page(lines, loop.create_future()), loop.time()
        self._owed.add(page)
        self._waiting.add(page)
        self._wake.set()
        try:
            self._observer.queue_depth(self.waiting)
            texts = await page.reply
            compute_s = covered_s(page.computed)
            return Recognised(texts, max(0.0, loop.time() - admitted_s - compute_s), compute_s)
        finally:
            self._owed.discard(page)
            page.reply.cancel()
            if page.waiting_lines:
                self._waiting.drop(page)
                self._observer.queue_depth(self.waiting)

    async def _work(self) -> None:
        """Body of a worker. It ends when the batcher closes; if it ends otherwise, nobody may wait for ever."""
        finished = False
        try:
            while batch := await self._next_batch():
                await self._answer(batch)
            finished = True
        except Exception:
            _log.exception("a batch worker died")
        finally:
            if not finished:
                self._fail_all()

    async def _next_batch(self) -> list[WaitingLine]:
        """Wait for lines; empty only when the batcher closes and none is left."""
        while not (batch := self._waiting.take(self._limits.max_columns, self._pool.threads)):
            if self._closing:
                return []
            self._wake.clear()
            await self._wake.wait()
        self._observer.queue_depth(self.waiting)
        return batch

    async def _answer(self, batch: list[WaitingLine]) -> None:
        """Read a batch and give each page its results; a failure goes to the pages in this batch alone."""
        try:
            clock = asyncio.get_running_loop().time
            outcome = await self._pool.run(self._compute, batch, clock, priority=Priority.RECOGNISE)
            answers = list(zip(outcome.lines, outcome.texts, strict=True))  # before any is given out
        except Exception as error:
            if not isinstance(error, OcrError) or isinstance(error, Internal):
                _log.error("a batch of %d lines failed", len(batch), exc_info=error)
            for page in _pages(batch):
                page.fail(error)
            return
        for page in _pages(outcome.lines):
            page.computed.append((outcome.started_s, outcome.ended_s))
        for line, text in answers:
            line.page.answer(line.index, text)
        self._report(outcome)

    def _compute(self, batch: list[WaitingLine], clock: Callable[[], float]) -> _Outcome:
        """In a thread: read the lines that are still wanted now that a core is free for them."""
        started_s = clock()
        lines = [line for line in batch if line.page.wanted]
        texts = self._infer([line.crop for line in lines]) if lines else []
        return _Outcome(lines, texts, started_s, clock())

    def _report(self, outcome: _Outcome) -> None:
        if outcome.lines:
            crops = [line.crop for line in outcome.lines]
            self._observer.batch_done(
                rows=len(crops),
                real_columns=sum(crop.width_px for crop in crops),
                padded_columns=sum(crop.bucket_px for crop in crops),
                seconds=outcome.ended_s - outcome.started_s,
            )

    def _fail_all(self) -> None:
        self._accepting = False
        for page in list(self._owed):
            page.fail(Unavailable("The service is stopping; try again."))


def _pages(lines: Sequence[WaitingLine]) -> set[Page]:
    return {line.page for line in lines}
