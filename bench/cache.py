"""What the result cache is worth: `python -m bench.cache --rounds 10 --pictures FOLDER`.

Sends each picture again and again, one request at a time: with `Cache-Control: no-store`, then through the cache, whose
first answers are not counted. Then the same picture N times at once, to show that identical requests in flight share
one computation.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

from bench.client import Picture, difference, load_pictures, open_client, post_picture, require_ready
from bench.figures import add_common_arguments, report, spread


async def measure_cache(url: str, pictures: list[Picture], rounds: int, together: int) -> dict[str, Any]:
    """Time both ways and return the figures."""
    async with open_client(url) as client:
        await require_ready(client)
        computed = [await post_picture(client, picture) for _ in range(rounds) for picture in pictures]
        for picture in pictures:
            await post_picture(client, picture, cached=True)
        kept = [await post_picture(client, picture, cached=True) for _ in range(rounds) for picture in pictures]
        fresh = Picture("fresh", pictures[0].data + b"\0")  # a trailing byte: another content hash, the same picture
        started_s = time.perf_counter()
        shared = await asyncio.gather(*(post_picture(client, fresh, cached=True) for _ in range(together)))
        together_s = time.perf_counter() - started_s
    pairs = [*zip(computed, kept, strict=True), *((computed[0], reply) for reply in shared)]
    return {
        "pictures": len(pictures),
        "rounds": rounds,
        "no_store": spread([reply.seconds for reply in computed]),
        "cached": spread([reply.seconds for reply in kept]),
        "identical_at_once": together,
        "identical_at_once_s": round(together_s, 4),
        "different": sum(bool(difference(one, other)) for one, other in pairs),
    }


def main() -> int:
    """Read the command line and measure; 1 when a cached answer differed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--together", type=int, default=16, help="identical requests at once")
    add_common_arguments(parser)
    arguments = parser.parse_args()
    pictures = load_pictures(arguments.pictures)
    figures = asyncio.run(measure_cache(arguments.url, pictures, arguments.rounds, arguments.together))
    report(figures, arguments.json)
    return 1 if figures["different"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
