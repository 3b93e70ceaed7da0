"""Whether new requests are taken: starting, ready, stopping, or broken."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from ocrsvc.errors import Unavailable


class Phase(StrEnum):
    """Where the service is in its life."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    BROKEN = "broken"


class Readiness:
    """Turns true once everything is loaded and warm, false for good at shutdown or when a worker died."""

    def __init__(self) -> None:
        self._phase = Phase.STARTING
        self._is_alive: Callable[[], bool] = lambda: True

    @property
    def phase(self) -> Phase:
        """The phase now; BROKEN where a worker has ended without being asked to."""
        if self._phase is Phase.READY and not self._is_alive():
            return Phase.BROKEN
        return self._phase

    def open(self, is_alive: Callable[[], bool]) -> None:
        """Take requests from now on, as long as `is_alive` holds."""
        self._phase, self._is_alive = Phase.READY, is_alive

    def close(self) -> None:
        """Take no new requests; those in progress finish."""
        self._phase = Phase.STOPPING

    def check(self) -> None:
        """Return when ready.

        Raises:
            Unavailable: in every other phase.
        """
        if self.phase is not Phase.READY:
            raise Unavailable(f"The service is {self.phase.value}. Try again shortly.")
