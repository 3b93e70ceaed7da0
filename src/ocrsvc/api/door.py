"""Admission: what may be held and worked on at once; what has no room is refused before anything starts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from ocrsvc.errors import Overloaded


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """Budgets of the door: pictures and their pixels worked on at once, upload bytes held at once."""

    requests: int
    pixels: int
    held_bytes: int


class RefusalObserver(Protocol):
    """Is told of each refusal and its reason."""

    def refused(self, reason: str) -> None:
        """Count one refusal for want of room for `requests`, `pixels` or `bytes`."""


class HeldBytes:
    """One request's share of the bytes held in memory; grows as they arrive. Made by Door.hold."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.count = 0

    def add(self, count: int) -> None:
        """Take `count` more bytes.

        Raises:
            Overloaded: the uploads of all requests would be over the budget.
        """
        self._door.take_bytes(count)
        self.count += count


class Door:
    """Keeps the budgets. All calls from one event loop; refuses, never waits."""

    def __init__(self, limits: DoorLimits, observer: RefusalObserver) -> None:
        self._limits, self._observer = limits, observer
        self._requests = self._pixels = self._held_bytes = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def requests(self) -> int:
        """Pictures admitted and not yet done."""
        return self._requests

    @property
    def held_bytes(self) -> int:
        """Bytes of uploads in memory."""
        return self._held_bytes

    def require_place(self) -> None:
        """Check that one more request would be admitted, its pixels aside.

        Raises:
            Overloaded: no place is free.
        """
        self._require(self._requests < self._limits.requests, "requests")

    @contextmanager
    def admit(self, pixels: int) -> Iterator[None]:
        """Hold one request's place and its pixels while the block runs.

        Raises:
            Overloaded: no room; nothing was started.
        """
        self.require_place()
        self._require(self._pixels + pixels <= self._limits.pixels, "pixels")
        self._requests += 1
        self._pixels += pixels
        self._empty.clear()
        try:
            yield
        finally:
            self._requests -= 1
            self._pixels -= pixels
            if self._requests == 0:
                self._empty.set()

    @contextmanager
    def hold(self) -> Iterator[HeldBytes]:
        """Account for one request's upload until the block ends."""
        held = HeldBytes(self)
        try:
            yield held
        finally:
            self._held_bytes -= held.count

    def take_bytes(self, count: int) -> None:
        """Add to the bytes held; for HeldBytes."""
        self._require(self._held_bytes + count <= self._limits.held_bytes, "bytes")
        self._held_bytes += count

    async def empty(self) -> None:
        """Wait until nothing admitted is left."""
        await self._empty.wait()

    def _require(self, has_room: bool, reason: str) -> None:
        if not has_room:
            self._observer.refused(reason)
            raise Overloaded("The service is busy and has not started on this request. Send it again after a pause.")
