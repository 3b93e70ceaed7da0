"""The lines that wait, page by page, and the order in which they leave."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ocrsvc.errors import Internal, OcrError
from ocrsvc.recognition.ctc import LineText
from ocrsvc.recognition.line import LineCrop


@dataclass(frozen=True, slots=True)
class WaitingLine:
    """A line, and the place in its page where the answer belongs."""

    page: Page
    index: int
    crop: LineCrop


class Page:
    """The lines of one call: those that still wait, the results so far, and the reply owed for all of them."""

    def __init__(self, lines: Sequence[LineCrop], reply: asyncio.Future[list[LineText]]) -> None:
        """Sort the lines (at least one) into buckets.

        Args:
            lines: in the order of the results.
            reply: done once the last line is read, a batch failed, or the caller left.
        """
        self.reply = reply
        self.computed: list[tuple[float, float]] = []
        """Start and end of each batch that held lines of this page, in seconds."""
        self.waiting_lines = 0
        self.waiting_columns = 0
        self._results: dict[int, LineText] = {}
        self._size = len(lines)
        self._buckets: dict[int, deque[WaitingLine]] = {}
        for index, crop in enumerate(lines):
            self._buckets.setdefault(crop.bucket_px, deque()).append(WaitingLine(self, index, crop))
            self.waiting_lines += 1
            self.waiting_columns += crop.bucket_px

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for the answer. May be asked from any thread."""
        return not self.reply.done()

    def next_bucket(self) -> int:
        """Bucket of the page's next turn; lines must wait."""
        return next(iter(self._buckets))

    def has(self, bucket_px: int) -> bool:
        """Whether lines of this bucket wait."""
        return bucket_px in self._buckets

    def take(self, bucket_px: int) -> WaitingLine:
        """Remove the oldest line of a bucket that has one."""
        lines = self._buckets[bucket_px]
        line = lines.popleft()
        if not lines:
            del self._buckets[bucket_px]
        self.waiting_lines -= 1
        self.waiting_columns -= bucket_px
        return line

    def answer(self, index: int, text: LineText) -> None:
        """Store one result; the last one sets the reply."""
        self._results[index] = text
        if len(self._results) == self._size and self.wanted:
            self.reply.set_result([self._results[index] for index in range(self._size)])

    def fail(self, error: Exception) -> None:
        """Give the caller an exception object of its own; what is no OcrError becomes Internal."""
        if self.wanted:
            known = isinstance(error, OcrError)
            self.reply.set_exception(type(error)(*error.args) if known else Internal("The lines could not be read."))


class WaitingPages:
    """Pages with waiting lines. Each batch is led by the next page in turn; no page waits for all of another."""

    def __init__(self) -> None:
        """Begin with none."""
        self._pages: deque[Page] = deque()

    @property
    def lines(self) -> int:
        """How many lines wait that somebody wants."""
        return sum(page.waiting_lines for page in self._pages if page.wanted)

    def add(self, page: Page) -> None:
        """Put a page at the end."""
        self._pages.append(page)

    def drop(self, page: Page) -> None:
        """Remove what still waits of a page."""
        if page.waiting_lines and page in self._pages:
            self._pages.remove(page)

    def take(self, max_columns: int, cores: int) -> list[WaitingLine]:
        """Remove the next batch: lines of one bucket, led by the page whose turn it is, filled from all in turns.

        Args:
            max_columns: bound on rows x bucket; the first line is taken whatever its width.
            cores: what waits is spread over this many, so that a short queue does not end on one core while the
                others idle; batches shrink towards its end.

        Returns:
            Nothing only if nothing waits.
        """
        self._keep(page for page in self._pages if page.wanted)
        if not self._pages:
            return []
        bucket = self._pages[0].next_bucket()
        share = -(-sum(page.waiting_columns for page in self._pages) // cores)
        rows = max(1, min(max_columns, share) // bucket)
        batch = list(islice(self._in_turns(bucket), rows))
        self._pages.rotate(-1)
        self._keep(page for page in self._pages if page.waiting_lines)
        return batch

    def _in_turns(self, bucket_px: int) -> Iterator[WaitingLine]:
        """One line of each page, then the next of each, until none of this bucket is left."""
        pages = [page for page in self._pages if page.has(bucket_px)]
        while pages:
            for page in pages:
                yield page.take(bucket_px)
            pages = [page for page in pages if page.has(bucket_px)]

    def _keep(self, pages: Iterable[Page]) -> None:
        self._pages = deque(pages)


def covered_s(intervals: Iterable[tuple[float, float]]) -> float:
    """Length of the union of (start, end) intervals, in their unit."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total
