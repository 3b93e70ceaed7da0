"""From a picture's bytes to its answer: the cache, the shared computation, the door, the reader."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrsvc.api.door import Door
from ocrsvc.api.options import OcrOptions
from ocrsvc.api.render import render_results
from ocrsvc.cache import SharedResults, Source
from ocrsvc.compute import ComputePool, Priority
from ocrsvc.imaging.decode import DecodeLimits, ImageHeader, check_limits, probe_image
from ocrsvc.metrics import Metrics
from ocrsvc.reader import PageReader, StageTimes


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of one picture; its lines are kept as JSON bytes, so that a cached answer costs nothing.

    Attributes:
        results: JSON array of the lines.
        lines: number of results.
        width_px: of the picture after its EXIF orientation.
        height_px: likewise.
        rotation: clockwise degrees that would make the page upright.
        timings: seconds that this request spent in each stage.
        source: where the answer came from.
    """

    results: bytes
    lines: int
    width_px: int
    height_px: int
    rotation: int
    timings: StageTimes
    source: Source = Source.COMPUTED

    @property
    def size_bytes(self) -> int:
        """Memory that the answer takes, but for a constant."""
        return len(self.results)


class PageAnswers:
    """Answers for single pictures. Use on one event loop."""

    def __init__(
        self,
        reader: PageReader,
        pool: ComputePool,
        door: Door,
        shared: SharedResults[Answer],
        limits: DecodeLimits,
        metrics: Metrics,
    ) -> None:
        self._reader, self._pool, self._door, self._shared = reader, pool, door, shared
        self._limits, self._metrics = limits, metrics

    async def read(self, data: bytes, options: OcrOptions, *, share: bool) -> Answer:
        """Answer one picture.

        An answer from the cache has no stage times; one that joined a computation in flight has the time it waited
        as `queue_s`. Cancelling the call ends the computation unless somebody else waits for it.

        Args:
            data: the uploaded picture.
            options: what to read and to answer.
            share: whether cache and computations in flight may be used.

        Raises:
            OcrError: the picture is refused, there is no room at the door, or the service stops.
        """
        header, digest = await self._inspect(data)
        started_s = time.perf_counter()

        async def compute() -> Answer:
            return await self._read(data, header, options)

        answer, source = await (self._shared.get((digest, options), compute) if share else _alone(compute))
        if source is Source.CACHED:
            answer = replace(answer, timings=StageTimes(), source=source)
        elif source is Source.JOINED:
            waited = StageTimes(queue_s=time.perf_counter() - started_s)
            answer = replace(answer, timings=waited, source=source)
        self._metrics.answered(source, answer.lines, answer.timings)
        return answer

    async def preview(self, data: bytes) -> bytes:
        """Return the page as the recogniser's stages see it, as a PNG.

        Raises:
            OcrError: as `read`.
        """
        header, _ = await self._inspect(data)
        with self._door.admit(header.width_px * header.height_px):
            pixels = await self._reader.preview(data)
            return await self._pool.run(_encode_png, pixels)

    async def _inspect(self, data: bytes) -> tuple[ImageHeader, bytes]:
        """Check the header and take the digest, ahead of all other work: refusals must not wait in a queue."""
        return await self._pool.run(_inspect, data, self._limits, priority=Priority.RECOGNISE)

    async def _read(self, data: bytes, header: ImageHeader, options: OcrOptions) -> Answer:
        with self._door.admit(header.width_px * header.height_px):
            reading = await self._reader.read(data, options.reading)
            results = (
                await self._pool.run(render_results, reading, options, priority=Priority.RECOGNISE)
                if options.return_chars  # characters make it large enough to hold up the event loop
                else render_results(reading, options)
            )
        return Answer(
            results, len(reading.lines), reading.width_px, reading.height_px, reading.rotation, reading.timings
        )


async def read_each(
    read: Callable[[bytes], Awaitable[Answer]], files: tuple[bytes, ...], at_once: int
) -> list[Answer | Exception]:
    """Read several pictures, at most `at_once` at a time; each gives its answer or its own failure, in order."""
    gate = asyncio.Semaphore(at_once)

    async def read_one(data: bytes) -> Answer:
        async with gate:
            return await read(data)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_settled(read_one(data)), name=f"picture {n}") for n, data in enumerate(files)]
    return [task.result() for task in tasks]


async def _settled(answer: Awaitable[Answer]) -> Answer | Exception:
    try:
        return await answer
    except Exception as failure:
        return failure


async def _alone(compute: Callable[[], Awaitable[Answer]]) -> tuple[Answer, Source]:
    return await compute(), Source.COMPUTED


def _inspect(data: bytes, limits: DecodeLimits) -> tuple[ImageHeader, bytes]:
    header = probe_image(data)
    check_limits(header, limits)
    return header, hashlib.blake2b(data, digest_size=32).digest()


def _encode_png(pixels: NDArray[np.uint8]) -> bytes:
    _, encoded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return bytes(encoded)
