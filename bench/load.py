"""Clients that never pause: `python -m bench.load --clients 32 --seconds 120 --pictures FOLDER`.

Each picture is first sent alone. Then N clients send all of them in turns for T seconds, the cache bypassed, and every
answer is compared with the one from before: same texts and boxes, confidences within 1e-4. Prints requests/s, latency,
answers that differed and refusals (429); a refused client pauses as the answer tells it.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from bench.client import (
    Picture,
    Reply,
    difference,
    load_pictures,
    open_client,
    post_picture,
    require_ready,
    sequential_replies,
)
from bench.figures import add_common_arguments, report, spread

SHOWN = 5


@dataclass(slots=True)
class Tally:
    """What the clients saw."""

    seconds: list[float] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    refusals: int = 0


async def send_until(
    until_s: float,
    first: int,
    client: httpx.AsyncClient,
    pictures: Sequence[Picture],
    expected: Sequence[Reply],
    tally: Tally,
) -> None:
    """One client: the pictures in turns, beginning with number `first`."""
    number = first
    while time.perf_counter() < until_s:
        index = number % len(pictures)
        number += 1
        try:
            reply = await post_picture(client, pictures[index])
        except (httpx.HTTPError, ValueError) as error:
            tally.failures.append(f"{pictures[index].name}: {type(error).__name__} {error}")
            continue
        if reply.status == 429 and expected[index].status != 429:
            tally.refusals += 1
            await asyncio.sleep(1)
            continue
        tally.seconds.append(reply.seconds)
        if what := difference(expected[index], reply):
            tally.differences.append(f"{pictures[index].name}: {what}")


async def run_load(url: str, clients: int, seconds: float, pictures: list[Picture]) -> dict[str, Any]:
    """Put the load on and return the figures."""
    tally = Tally()
    async with open_client(url) as client:
        await require_ready(client)
        expected = await sequential_replies(client, pictures)
        started_s = time.perf_counter()
        until_s = started_s + seconds
        await asyncio.gather(
            *(send_until(until_s, first, client, pictures, expected, tally) for first in range(clients))
        )
        elapsed_s = time.perf_counter() - started_s
    return {
        "pictures": len(pictures),
        "clients": clients,
        "elapsed_s": round(elapsed_s, 1),
        "sequential": spread([reply.seconds for reply in expected]),
        "answers": len(tally.seconds),
        "answers_per_s": round(len(tally.seconds) / elapsed_s, 2),
        **spread(tally.seconds),
        "different": len(tally.differences),
        "failed": len(tally.failures),
        "refused": tally.refusals,
        "examples": [*tally.differences[:SHOWN], *tally.failures[:SHOWN]],
    }


def main() -> int:
    """Read the command line, put the load on; 1 when an answer differed or a request failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=30.0)
    add_common_arguments(parser)
    arguments = parser.parse_args()
    pictures = load_pictures(arguments.pictures)
    figures = asyncio.run(run_load(arguments.url, arguments.clients, arguments.seconds, pictures))
    report(figures, arguments.json)
    return 1 if figures["different"] or figures["failed"] or not figures["answers"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
