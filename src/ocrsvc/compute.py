"""The one pool of threads in which pages are decoded, lines found and lines read."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
import os
import threading
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, TypeVarTuple

from ocrsvc.errors import Internal, Overloaded, Unavailable

_log = logging.getLogger(__name__)
Ts = TypeVarTuple("Ts")
T = TypeVar("T")


class Priority(IntEnum):
    """Which job a free thread takes first; within one priority the oldest."""

    RECOGNISE = 0
    """Lines of pages in flight."""
    PREPARE = 1
    """Decoding and detection of new pages."""


class _Job:
    """One call, and the future its caller awaits on its own loop."""

    def __init__(self, call: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.call = call
        self.loop = loop
        self.reply: asyncio.Future[Any] = loop.create_future()

    def compute(self) -> Callable[[], None]:
        """Run the call; what comes back sets the reply and must be called on the loop."""
        try:
            return partial(self._answer, self.call())
        except BaseException as error:  # whatever a job raises is its caller's; the thread lives on
            return partial(self._fail, _as_exception(error))

    def deliver(self, outcome: Callable[[], None]) -> None:
        try:
            self.loop.call_soon_threadsafe(outcome)
        except RuntimeError:  # the caller's loop has closed: nobody waits
            _log.debug("a job's loop has closed; its outcome is dropped")

    def fail(self, error: Exception) -> None:
        self.deliver(partial(self._fail, error))

    def _answer(self, result: Any) -> None:
        if not self.reply.done():
            self.reply.set_result(result)

    def _fail(self, error: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(error)


def _as_exception(error: BaseException) -> Exception:
    """An exception that a future can hold and that stops no event loop."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration | StopAsyncIteration):
        return error
    wrapped = Internal("The computation stopped unexpectedly.")
    wrapped.__cause__ = error
    return wrapped


class ComputePool:
    """Owns its threads. Use with `with`; `run` may be awaited from any event loop.

    How much may wait here is decided at the door of the service, before anything is decoded; `max_pending` is only
    the backstop against a caller that has no door.
    """

    def __init__(self, threads: int, *, max_pending: int = 10_000) -> None:
        """Describe the pool; `__enter__` starts it.

        Args:
            threads: how many jobs run at once; `cores()` is what the machine gives.
            max_pending: jobs that may wait for a thread.
        """
        if threads < 1 or max_pending < 1:
            raise ValueError(f"a pool needs threads and room, not {threads} and {max_pending}")
        self._size = threads
        self._max_pending = max_pending
        self._waiting: dict[Priority, deque[_Job]] = {priority: deque() for priority in Priority}
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._open = False
        self._broken = False

    @property
    def threads(self) -> int:
        """How many jobs run at once."""
        return self._size

    @property
    def pending(self) -> int:
        """Jobs that wait for a thread."""
        with self._changed:
            return self._count()

    @property
    def healthy(self) -> bool:
        """Whether jobs are taken: entered, not closed, every thread alive."""
        return self._open and not self._broken

    def __enter__(self) -> Self:
        """Start the threads."""
        if self._threads:
            raise RuntimeError("a pool is entered once")
        self._open = True
        for number in range(self._size):
            thread = threading.Thread(target=self._serve, name=f"compute-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool."""
        self.close()

    def close(self) -> None:
        """Let running jobs end and join the threads; jobs that wait fail with Unavailable, as do later ones."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
        self._fail_waiting()
        for thread in self._threads:
            thread.join()

    async def run(self, fn: Callable[[*Ts], T], *args: *Ts, priority: Priority = Priority.PREPARE) -> T:
        """Call `fn(*args)` in a thread, with the context variables of the caller.

        Cancelling this call removes a job that has not started; one that has runs on and its result is dropped.

        Raises:
            Overloaded: `max_pending` jobs wait.
            Unavailable: the pool is not open, or it broke.
            Internal: `fn` raised something that is no Exception (its cause); exceptions arrive as they are.
        """
        loop = asyncio.get_running_loop()
        job = _Job(partial(contextvars.copy_context().run, fn, *args), loop)
        self._submit(job, priority)
        try:
            result: T = await job.reply
        finally:
            self._forget(job, priority)
        return result

    def _submit(self, job: _Job, priority: Priority) -> None:
        with self._changed:
            if not self.healthy:
                raise Unavailable("The service is starting or stopping; try again.")
            if self._count() >= self._max_pending:
                raise Overloaded("Too much work waits here; try again later.")
            self._waiting[priority].append(job)
            self._changed.notify()

    def _forget(self, job: _Job, priority: Priority) -> None:
        """Remove a job whose caller left; one that started or ended is not there any more."""
        if job.reply.cancelled():
            with self._changed:
                if job in self._waiting[priority]:
                    self._waiting[priority].remove(job)

    def _count(self) -> int:
        return sum(map(len, self._waiting.values()))

    def _serve(self) -> None:
        """Body of a thread; however it ends before the pool closes, nobody waits for ever."""
        job: _Job | None = None
        try:
            while (job := self._next()) is not None:
                job.deliver(job.compute())
                job = None  # or an idle thread keeps the last page's pixels
        except BaseException:
            _log.exception("a compute thread died")
            self._broken = True
            self._fail_waiting(job)

    def _next(self) -> _Job | None:
        with self._changed:
            while self._open:
                for jobs in self._waiting.values():
                    if jobs:
                        return jobs.popleft()
                self._changed.wait()
        return None

    def _fail_waiting(self, running: _Job | None = None) -> None:
        with self._changed:
            jobs = [job for waiting in self._waiting.values() for job in waiting]
            for waiting in self._waiting.values():
                waiting.clear()
        for job in [*jobs, running] if running else jobs:
            job.fail(Unavailable("The service is stopping; try again."))


def cores(root: Path = Path("/")) -> int:
    """Cores this process may use: its CPU affinity, or the quota of its control group where that is less.

    A quota of 1.5 cores counts as 2. Version 2 (cpu.max) and version 1 (cpu.cfs_quota_us) are read, of the process's
    own group and those above it.

    Args:
        root: where /proc and /sys are, for tests.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([affinity, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> list[float]:
    """Limits found, in cores."""
    quotas: list[float] = []
    for line in _text(root / "proc/self/cgroup").splitlines() or ["0::/"]:
        _, controllers, group = line.split(":", 2)
        if controllers not in ("", "cpu", "cpu,cpuacct", "cpuacct,cpu"):
            continue
        mount = root / "sys/fs/cgroup" / controllers
        below = Path(group.lstrip("/"))
        for folder in {mount, *(mount / part for part in (below, *below.parents))}:
            words = _text(folder / "cpu.max").split()
            if controllers:
                words = [_text(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
            if len(words) == 2 and all(word.isdigit() for word in words) and int(words[1]) > 0:
                quotas.append(int(words[0]) / int(words[1]))  # "max" and -1 mean none
    return quotas


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
