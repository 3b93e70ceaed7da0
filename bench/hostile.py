"""Hostile traffic: `python -m bench.hostile --requests 300 --url http://127.0.0.1:8080`.

Mixes good, broken and abandoned requests (hung up in mid-upload, hung up before the answer, dribbled), then asks
whether the service is whole: every broken request got its documented status, good pictures read as they did alone,
the service is ready, and /metrics shows no request in progress and no line that waits. Only this machine is spoken to;
count and time are bounded.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import socket
import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from bench.broken import BOUNDARY, Broken, broken_requests
from bench.client import (
    NO_STORE,
    Picture,
    Reply,
    difference,
    load_pictures,
    open_client,
    post_picture,
    require_ready,
    sequential_replies,
)
from bench.figures import add_common_arguments, report

MOST_REQUESTS = 5000
TIME_LIMIT_S = 1800.0
SETTLE_S = 40.0
"""Longer than the service's own time limit: by then nothing may be held."""


@dataclass(slots=True)
class Outcome:
    """What came of the traffic."""

    kinds: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    refusals: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """Where traffic goes, and what good pictures read there alone."""

    client: httpx.AsyncClient
    address: tuple[str, int]
    pictures: list[Picture]
    expected: list[Reply]
    broken: list[Broken]


async def send_good(target: Target, number: int, outcome: Outcome) -> None:
    """Send a good picture and compare its answer."""
    index = number % len(target.pictures)
    reply = await post_picture(target.client, target.pictures[index])
    if reply.status == 429:
        outcome.refusals += 1
    elif what := difference(target.expected[index], reply):
        outcome.complaints.append(f"{target.pictures[index].name}: {what}")


async def send_broken(target: Target, number: int, outcome: Outcome) -> None:
    """Send a broken request; its status must be one of the right ones, its body the error envelope."""
    broken = target.broken[number % len(target.broken)]
    request = {**broken.request, "headers": {**NO_STORE, **broken.request.get("headers", {})}}
    response = await target.client.request(broken.method, broken.path, **request)
    if response.status_code == 429:
        outcome.refusals += 1
    elif response.status_code not in broken.expected:
        outcome.complaints.append(f"{broken.name}: {response.status_code}, not {sorted(broken.expected)}")
    elif response.status_code != 200 and response.json().get("success") is not False:
        outcome.complaints.append(f"{broken.name}: no error envelope")


async def send_abandoned(target: Target, number: int, outcome: Outcome) -> None:
    """Begin a request and leave: in mid-upload, after a dribble, or once it is sent; politely or with a reset."""
    picture = target.pictures[number % len(target.pictures)]
    body = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'.encode()
        + picture.data
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )
    head = (
        f"POST /ocr HTTP/1.1\r\nHost: ocrsvc\r\nCache-Control: no-store\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    ).encode()
    _, writer = await asyncio.open_connection(*target.address)
    match number % 3:
        case 0:
            writer.write(head + body[: len(body) // 2])
            await writer.drain()
        case 1:
            writer.write(head)
            for start in range(0, 50, 10):
                writer.write(body[start : start + 10])
                await writer.drain()
                await asyncio.sleep(0.02)
        case _:
            writer.write(head + body)
            await writer.drain()
            await asyncio.sleep(random.uniform(0, 0.3))
    if number % 2:
        raw: socket.socket = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def send_mix(target: Target, requests: int, clients: int) -> Outcome:
    """Send the mix: of five requests two good, two broken, one abandoned; shuffled, the same way each time."""
    outcome = Outcome()
    kinds = [(send_good, "good"), (send_good, "good"), (send_broken, "broken"), (send_broken, "broken")]
    kinds.append((send_abandoned, "abandoned"))
    plan = [(number, *kinds[number % len(kinds)]) for number in range(requests)]
    random.Random(7).shuffle(plan)
    remaining = iter(plan)

    async def work() -> None:
        for number, send, kind in remaining:
            outcome.kinds[kind] += 1
            try:
                await send(target, number // 2, outcome)
            except (httpx.HTTPError, OSError, ValueError) as error:
                outcome.complaints.append(f"{kind} request {number}: {type(error).__name__} {error}")

    await asyncio.gather(*(work() for _ in range(clients)))
    return outcome


async def check_whole(target: Target, outcome: Outcome) -> None:
    """Complain about whatever the traffic has left behind."""
    held = ""
    for _ in range(round(SETTLE_S / 0.5)):
        metrics = parse_metrics((await target.client.get("/metrics")).text)
        in_progress, waiting = metrics["ocrsvc_requests_in_progress"], metrics["ocrsvc_queue_lines"]
        if in_progress <= 1 and waiting == 0:  # the one is this very request
            held = ""
            break
        held = f"{in_progress:.0f} requests in progress and {waiting:.0f} lines waiting when all clients had gone"
        await asyncio.sleep(0.5)
    if held:
        outcome.complaints.append(held)
    if (status := (await target.client.get("/readyz")).status_code) != 200:
        outcome.complaints.append(f"not ready: {status}")
    for picture, expected in zip(target.pictures, target.expected, strict=True):
        if what := difference(expected, await post_picture(target.client, picture)):
            outcome.complaints.append(f"afterwards, {picture.name}: {what}")


def parse_metrics(text: str) -> dict[str, float]:
    """Samples without labels of a Prometheus page."""
    samples = (line.split() for line in text.splitlines() if line and line[0] != "#" and "{" not in line)
    return {name: float(value) for name, value in samples}


async def run_hostile(url: str, pictures: list[Picture], requests: int, clients: int) -> dict[str, Any]:
    """Send the mix, check, and return the figures."""
    place = urlsplit(url)
    if place.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise SystemExit("hostile traffic goes to this machine alone: --url http://127.0.0.1:PORT")
    async with asyncio.timeout(TIME_LIMIT_S), open_client(url) as client:
        await require_ready(client)
        expected = await sequential_replies(client, pictures)
        broken = broken_requests(pictures[0].data)
        target = Target(client, (place.hostname, place.port or 80), pictures, expected, broken)
        outcome = await send_mix(target, requests, clients)
        await check_whole(target, outcome)
    return {
        "requests": dict(outcome.kinds),
        "clients": clients,
        "refused": outcome.refusals,
        "complaints": len(outcome.complaints),
        "examples": outcome.complaints[:20],
    }


def main() -> int:
    """Read the command line and attack; 1 when there is anything to complain about."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--requests", type=int, default=300, help=f"at most {MOST_REQUESTS}")
    parser.add_argument("--clients", type=int, default=16)
    add_common_arguments(parser)
    arguments = parser.parse_args()
    pictures = load_pictures(arguments.pictures)
    requests = min(arguments.requests, MOST_REQUESTS)
    figures = asyncio.run(run_hostile(arguments.url, pictures, requests, arguments.clients))
    report(figures, arguments.json)
    return 1 if figures["complaints"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
