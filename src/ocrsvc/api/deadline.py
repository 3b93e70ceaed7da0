"""A request's time limit, and the end of work for a client that hung up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive

from ocrsvc.api.context import ClientGone
from ocrsvc.errors import DeadlineExceeded


@asynccontextmanager
async def within(deadline_s: float) -> AsyncIterator[None]:
    """Cancel the block at `deadline_s` on the loop's clock.

    Raises:
        DeadlineExceeded: the block was cancelled for it.
    """
    timeout = asyncio.timeout_at(deadline_s)
    try:
        async with timeout:
            yield
    except TimeoutError as error:
        if timeout.expired():
            raise _exceeded() from error
        raise


@asynccontextmanager
async def while_awaited(deadline_s: float, receive: Receive) -> AsyncIterator[None]:
    """Cancel the block at `deadline_s` on the loop's clock, or as soon as the client hangs up.

    Enter it only after the whole body was received: from then on the server's next message is the disconnect.

    Raises:
        DeadlineExceeded: the time was over.
        ClientGone: the client had gone.
    """
    timeout = asyncio.timeout_at(deadline_s)
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        timeout.reschedule(0.0)  # in the past: ends the block at once

    watcher: asyncio.Task[None] | None = None
    try:
        async with timeout:
            watcher = asyncio.create_task(watch(), name="watch for hang-up")
            try:
                yield
            finally:
                watcher.cancel()
    except TimeoutError as error:
        if gone:
            raise ClientGone from error
        if timeout.expired():
            raise _exceeded() from error
        raise
    finally:
        if watcher is not None:
            await asyncio.gather(watcher, return_exceptions=True)


def _exceeded() -> DeadlineExceeded:
    return DeadlineExceeded("The request took longer than the time limit. Send a smaller picture, or try again later.")
