"""Resident memory of a service: `python -m bench.memory --requests 1000 --pictures FOLDER`.

Starts the service itself (settings from OCRSVC_ variables) and sends mixed requests with the cache bypassed: single
pictures with and without characters, batches of three, previews, and broken ones. Prints the resident memory after the
start, at every tenth of the way, and at the end when all is idle again.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own

from bench.client import NO_STORE, Picture, load_pictures, open_client
from bench.figures import add_common_arguments, report
from bench.service import running_service

MIB = 1024 * 1024
SETTLE_S = 2.0


async def send_mixed(client: httpx.AsyncClient, number: int, pictures: list[Picture]) -> int:
    """Send request `number` of the mix and return its status."""
    picture = pictures[number % len(pictures)]
    image = ("picture", picture.data)
    match number % 10:
        case 1 | 6:
            response = await client.post(
                "/ocr", files={"image": image}, data={"return_chars": "true"}, headers=NO_STORE
            )
        case 3:
            response = await client.post("/ocr/batch", files=[("images", image)] * 3, headers=NO_STORE)
        case 5:
            response = await client.post("/ocr/preview", files={"image": image}, headers=NO_STORE)
        case 8:
            broken = ("broken", picture.data[: len(picture.data) // 2])
            response = await client.post("/ocr", files={"image": broken}, headers=NO_STORE)
        case _:
            response = await client.post("/ocr", files={"image": image}, headers=NO_STORE)
    return response.status_code


async def measure_memory(
    url: str, process: psutil.Process, pictures: list[Picture], requests: int, clients: int
) -> dict[str, Any]:
    """Send the mix and return the figures, MiB."""
    started = _resident_mib(process)
    along: list[float] = []
    statuses: dict[int, int] = {}
    numbers = iter(range(requests))

    async def work(client: httpx.AsyncClient) -> None:
        for number in numbers:
            status = await send_mixed(client, number, pictures)
            statuses[status] = statuses.get(status, 0) + 1
            if (number + 1) % max(1, requests // 10) == 0:
                along.append(_resident_mib(process))

    async with open_client(url) as client:
        await asyncio.gather(*(work(client) for _ in range(clients)))
    await asyncio.sleep(SETTLE_S)
    return {
        "after_start_mib": started,
        "along_mib": along,
        "at_the_end_mib": _resident_mib(process),
        "requests": requests,
        "clients": clients,
        "pictures": len(pictures),
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
    }


def _resident_mib(process: psutil.Process) -> float:
    family = [process, *process.children(recursive=True)]
    return round(float(sum(member.memory_info().rss for member in family)) / MIB, 1)


def main() -> int:
    """Read the command line and measure; 1 when the service failed a request of its own fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=8)
    add_common_arguments(parser)
    arguments = parser.parse_args()
    pictures = load_pictures(arguments.pictures)
    with running_service() as (url, process):
        figures = asyncio.run(measure_memory(url, process, pictures, arguments.requests, arguments.clients))
    report(figures, arguments.json)
    return 1 if any(status >= "500" for status in figures["statuses"]) else 0


if __name__ == "__main__":
    raise SystemExit(main())
