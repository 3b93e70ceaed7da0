"""Answers kept by content, and identical requests in flight joined to one computation."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")

ENTRY_OVERHEAD_BYTES = 512
"""Added to each entry's size for its key and the table around it."""


class Source(StrEnum):
    """Where an answer came from."""

    COMPUTED = "computed"
    JOINED = "joined"
    CACHED = "cached"


@dataclass(slots=True)
class _Flight(Generic[T]):
    """One computation and the number of callers that wait for it."""

    task: asyncio.Task[T]
    waiters: int = field(default=0)


class ResultCache(Generic[T]):
    """Least recently used results, bounded in bytes, in memory only.

    Args:
        max_bytes: bound of all entries together; 0 keeps nothing.
        size_of: bytes that one result takes.
        on_change: told the bytes of all entries whenever they change.
    """

    def __init__(
        self, max_bytes: int, size_of: Callable[[T], int], on_change: Callable[[int], None] = lambda held_bytes: None
    ) -> None:
        self._max_bytes, self._size_of = max_bytes, size_of
        self._entries: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._on_change = on_change
        self.held_bytes = 0

    def __len__(self) -> int:
        """Number of results kept."""
        return len(self._entries)

    def get(self, key: Hashable) -> T | None:
        """Return the result kept under `key` and mark it as used, or None."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: Hashable, result: T) -> None:
        """Keep `result`, dropping the least recently used until all fit; one larger than the bound is not kept."""
        size = self._size_of(result) + ENTRY_OVERHEAD_BYTES
        if size > self._max_bytes:
            return
        previous = self._entries.pop(key, None)
        if previous is not None:
            self.held_bytes -= previous[1]
        self._entries[key] = (result, size)
        self.held_bytes += size
        while self.held_bytes > self._max_bytes:
            _, (_, dropped) = self._entries.popitem(last=False)
            self.held_bytes -= dropped
        self._on_change(self.held_bytes)


class SharedResults(Generic[T]):
    """Gives each key's result once: from the cache, from a computation in flight, or by starting one.

    A computation belongs to all who wait for it: it is cancelled when the last of them has gone. Failures are
    not kept; each waiter gets its own exception object of the same type and message. Use on one event loop.
    """

    def __init__(self, cache: ResultCache[T]) -> None:
        self._cache = cache
        self._flights: dict[Hashable, _Flight[T]] = {}

    async def get(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> tuple[T, Source]:
        """Return the result for `key` and where it came from.

        Args:
            key: content and every parameter that the result depends on.
            compute: run in a task of its own when the result is neither kept nor on its way.

        Raises:
            Exception: what `compute` raised, as this caller's own copy.
        """
        kept = self._cache.get(key)
        if kept is not None:
            return kept, Source.CACHED
        flight = self._flights.get(key)
        source = Source.JOINED
        if flight is None:
            source = Source.COMPUTED
            flight = _Flight(asyncio.create_task(self._compute(key, compute), name="shared result"))
            flight.task.add_done_callback(_note_failure)
            self._flights[key] = flight
        return await self._wait(key, flight), source

    async def _compute(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> T:
        result = await compute()
        self._cache.put(key, result)
        return result

    async def _wait(self, key: Hashable, flight: _Flight[T]) -> T:
        flight.waiters += 1
        try:
            await asyncio.wait((flight.task,))  # unlike awaiting the task, cancelling this leaves it running
        finally:
            flight.waiters -= 1
            if flight.task.done() or flight.waiters == 0:
                self._leave(key, flight)
        failure = flight.task.exception()
        if failure is not None:
            raise _own_copy(failure) from failure
        return flight.task.result()

    def _leave(self, key: Hashable, flight: _Flight[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        flight.task.cancel()  # without effect on a task that is done


def _note_failure(task: asyncio.Task[T]) -> None:
    """Mark a failure as seen: when every waiter has left, there is nobody to tell."""
    if not task.cancelled():
        task.exception()


def _own_copy(failure: BaseException) -> BaseException:
    """Build an exception of the same type and arguments, so that waiters do not share a traceback."""
    try:
        return type(failure)(*failure.args)
    except TypeError:
        return failure
