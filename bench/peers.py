"""Against the fastest other reader for CPUs: `python -m bench.peers --pictures FOLDER --rounds 5`.

Needs `pip install faster-paddle` (PP-OCRv6 in Rust, its models inside), which is no dependency of ours. Each picture
is read by the running service over HTTP, cache bypassed, and by the peer in this process, in turns, so that a machine
whose speed drifts slows both. Prints the median seconds of each and their ratio picture by picture.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from bench.client import Picture, load_pictures, open_client, post_picture, require_ready
from bench.figures import add_common_arguments, report


def open_peer(size: str) -> Callable[[bytes], dict[str, Any]]:
    """The peer's reader of encoded pictures.

    Raises:
        SystemExit: it is not installed.
    """
    try:
        peer = importlib.import_module("faster_paddle")
    except ImportError:
        raise SystemExit("faster-paddle is not installed: pip install faster-paddle") from None
    engine = peer.OcrEngine(model_size=size)
    read: Callable[[bytes], dict[str, Any]] = engine.ocr
    return read


async def measure(url: str, size: str, rounds: int, pictures: list[Picture]) -> dict[str, Any]:
    """Read every picture `rounds` times with both, in turns; the first round is not counted."""
    read = open_peer(size)
    ours: dict[str, list[float]] = {p.name: [] for p in pictures}
    theirs: dict[str, list[float]] = {p.name: [] for p in pictures}
    async with open_client(url) as client:
        await require_ready(client)
        for turn in range(rounds + 1):
            for picture in pictures:
                own_s = (await post_picture(client, picture)).seconds
                started_s = time.perf_counter()
                await asyncio.to_thread(read, picture.data)
                if turn:
                    ours[picture.name].append(own_s)
                    theirs[picture.name].append(time.perf_counter() - started_s)
    each = {name: (median(ours[name]), median(theirs[name])) for name in ours}
    for name, (own, other) in each.items():
        print(f"{name:>32}  ours {own:.3f} s  peer {other:.3f} s  ratio {own / other:.2f}")
    return {
        "pictures": len(pictures),
        "rounds": rounds,
        "ours_mean_s": round(sum(own for own, _ in each.values()) / len(each), 4),
        f"faster_paddle_{size}_mean_s": round(sum(other for _, other in each.values()) / len(each), 4),
        "median_ratio": round(median(own / other for own, other in each.values()), 3),
    }


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", choices=("tiny", "small", "medium"), default="tiny", help="of the peer's models")
    add_common_arguments(parser)
    arguments = parser.parse_args()
    pictures = load_pictures(arguments.pictures)
    report(asyncio.run(measure(arguments.url, arguments.size, arguments.rounds, pictures)), arguments.json)


if __name__ == "__main__":
    main()
