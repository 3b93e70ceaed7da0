"""What stands in for models and clocks in the tests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import numpy as np

from ocrsvc.recognition.ctc import CharReading, LineText
from ocrsvc.recognition.line import LineCrop

T = TypeVar("T")
_GIVE_UP_S = 30.0  # a test that forgot to open a gate fails instead of hanging


class Gate:
    """Open until `clear()`; a thread that comes to a closed gate waits there, and a test can await its arrival."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()
        self._lock = threading.Lock()
        self._arrived = 0
        self._watchers: list[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = []

    def set(self) -> None:
        self._open.set()

    def clear(self) -> None:
        self._open.clear()

    def passes(self) -> None:
        """Count the caller in, then hold it while the gate is closed. Called in a pool's thread."""
        with self._lock:
            self._arrived += 1
            due = [watcher for watcher in self._watchers if watcher[0] <= self._arrived]
            self._watchers = [watcher for watcher in self._watchers if watcher not in due]
        for _, loop, event in due:
            loop.call_soon_threadsafe(event.set)
        if not self._open.wait(_GIVE_UP_S):
            raise TimeoutError("nobody opened the gate")

    async def arrived(self, count: int) -> None:
        """Wait until `count` callers in all have come to the gate."""
        event = asyncio.Event()
        with self._lock:
            if self._arrived >= count:
                return
            self._watchers.append((count, asyncio.get_running_loop(), event))
        async with asyncio.timeout(_GIVE_UP_S):
            await event.wait()


def width_reading(width_px: int) -> LineText:
    """What `FakeRecogniser` reads on a line: its width in digits, evenly spread."""
    text = str(width_px)
    chars = tuple(CharReading(digit, n / len(text), (n + 1) / len(text), 0.9, ()) for n, digit in enumerate(text))
    return LineText(text, 0.9, chars)


class FakeRecogniser:
    """Reads each line as its width in pixels.

    Attributes:
        batches: widths of the lines of each batch, in the order the batches came.
        gate: clear it to hold batches mid-flight.
        answer: replace it to misbehave.
    """

    name = "fake"
    height_px = 32

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = Gate()
        self.answer: Callable[[Sequence[LineCrop]], list[LineText]] = self.read

    def infer(self, lines: Sequence[LineCrop]) -> list[LineText]:
        self.batches.append([line.width_px for line in lines])
        self.gate.passes()
        return self.answer(lines)

    def warm_up(self) -> None:
        """Nothing to warm."""

    async def started(self, batches: int) -> None:
        """Wait until this many batches in all have started."""
        await self.gate.arrived(batches)

    @staticmethod
    def read(lines: Sequence[LineCrop]) -> list[LineText]:
        return [width_reading(line.width_px) for line in lines]


class FakeObserver:
    """Writes down what a LineBatcher reports."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, int, int]] = []
        self.depths: list[int] = []

    def batch_done(self, rows: int, real_columns: int, padded_columns: int, seconds: float) -> None:
        assert seconds >= 0
        self.batches.append((rows, real_columns, padded_columns))

    def queue_depth(self, lines: int) -> None:
        self.depths.append(lines)


class ManualClockLoop(asyncio.SelectorEventLoop):
    """Event loop whose clock moves only when a test moves it: for deadlines."""

    now = 0.0

    def time(self) -> float:
        return self.now


def line_of(width_px: int) -> LineCrop:
    """A blank line of this width."""
    return LineCrop(np.full((32, width_px), 255, dtype=np.uint8))


async def settle() -> None:
    """Let every task run until it waits for something outside the loop."""
    for _ in range(10):
        await asyncio.sleep(0)


def submit(call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start a call that the test does not await yet."""
    return asyncio.create_task(call)
