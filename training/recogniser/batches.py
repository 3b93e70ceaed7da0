"""Batches of lines of one bucket, made by processes of their own and handed over through a bounded queue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.synchronize import Event as EventType
from typing import Any

import numpy as np
import torch
import torch.multiprocessing as mp
from numpy.typing import NDArray

from ocrsvc.recognition.line import pad_lines
from training.recogniser.losses import IGNORED, Targets
from training.recogniser.net import STRIDE_PX
from training.synth.charset import labels
from training.synth.lines import LineSynthesiser, TrainingLine, faces

MAX_WIDTH_PX = 1600
"""Wider lines are dropped in training: the serving side cuts them too."""


@dataclass(frozen=True, slots=True)
class Batch:
    """`lines` uint8 [N, 32, W] padded as in serving, and what they say."""

    lines: NDArray[np.uint8]
    flat: NDArray[np.int64]
    lengths: NDArray[np.int64]
    frames: NDArray[np.int64]

    def targets(self, device: torch.device) -> Targets:
        """The targets on a device."""
        n, steps = self.frames.shape
        return Targets(
            torch.from_numpy(self.flat).to(device),
            torch.from_numpy(self.lengths).to(device),
            torch.from_numpy(self.frames).to(device),
            torch.full((n,), steps, dtype=torch.int64, device=device),
        )


def frame_classes(spans: NDArray[np.float32], classes: NDArray[np.int64], steps: int) -> NDArray[np.int64]:
    """The class to be seen at each step: at a character's centre its class, its neighbours ignored, the rest blank.

    Args:
        spans: float32 [chars, 2] px.
        classes: int64 [chars].
        steps: T, steps of STRIDE_PX.
    """
    frames = np.zeros(steps, np.int64)
    centre = np.clip((spans.mean(axis=1) / STRIDE_PX).astype(np.int64), 0, steps - 1)
    half = np.maximum(1, (spans[:, 1] - spans[:, 0]) / (4 * STRIDE_PX)).astype(np.int64)
    for c, r in zip(centre, half, strict=True):
        frames[max(0, c - r) : c + r + 1] = IGNORED
    frames[centre] = classes
    clash = np.flatnonzero(np.bincount(centre, minlength=steps) > 1)
    frames[clash] = IGNORED
    return frames


def assemble(rows: list[TrainingLine], class_of: dict[str, int]) -> Batch:
    """Pad and label lines of one bucket."""
    lines = pad_lines([r.crop for r in rows])
    classes = [np.array([class_of[c] for c in r.text], np.int64) for r in rows]
    steps = lines.shape[2] // STRIDE_PX
    frames = np.stack([frame_classes(r.spans, c, steps) for r, c in zip(rows, classes, strict=True)])
    return Batch(lines, np.concatenate(classes), np.array([len(c) for c in classes], np.int64), frames)


def _fits(line: TrainingLine) -> bool:
    repeats = sum(a == b for a, b in zip(line.text, line.text[1:], strict=False))
    return line.crop.width_px <= MAX_WIDTH_PX and len(line.text) + repeats <= line.crop.bucket_px // STRIDE_PX


def length_limit(progress: float) -> tuple[int, int]:
    """(fewest, most) characters of the curriculum at a share of the run: short lines first."""
    for until, limits in ((0.05, (1, 5)), (0.15, (1, 10)), (0.35, (1, 18)), (0.6, (1, 28))):
        if progress < until:
            return limits
    return 1, 45


def make_batches(source: LineSynthesiser, columns: int, progress: Any, seed: int) -> Iterator[Batch]:
    """Batches of about `columns` padded columns, endlessly; `progress.value` in [0, 1] steers the length of lines."""
    class_of = {c: i + 1 for i, c in enumerate(labels())}
    pools: dict[int, list[TrainingLine]] = defaultdict(list)
    rng = np.random.default_rng(seed)
    while True:
        fewest, most = length_limit(progress.value)
        longest = (
            int(rng.integers(fewest, most + 1)) if rng.random() < 0.75 else int(rng.integers(fewest, min(most, 12) + 1))
        )
        line = source.draw(max(1, (longest + 1) // 2), longest)
        if not _fits(line):
            continue
        bucket = line.crop.bucket_px
        pools[bucket].append(line)
        if len(pools[bucket]) * bucket >= columns:
            yield assemble(pools.pop(bucket), class_of)


def _work(seed: int, columns: int, progress: Any, queue: Any, stop: EventType) -> None:
    torch.set_num_threads(1)
    source = LineSynthesiser(seed, *faces(held_out=False))
    for batch in make_batches(source, columns, progress, seed):
        queue.put(batch)
        if stop.is_set():
            return


class BatchSource:
    """Owns the processes that make lines. Use with `with`; then call `next_batch`."""

    def __init__(self, workers: int, columns: int, seed: int) -> None:
        self._context = mp.get_context("fork")
        self._workers, self._columns, self._seed = workers, columns, seed
        self.progress = self._context.Value("d", 0.0, lock=False)
        self._queue = self._context.Queue(maxsize=8 * workers)
        self._stop = self._context.Event()

    def __enter__(self) -> BatchSource:
        """Rasterise the fonts once, then fork."""
        faces(held_out=False)
        for k in range(self._workers):
            args = (self._seed * 1000 + k, self._columns, self.progress, self._queue, self._stop)
            self._context.Process(target=_work, args=args, daemon=True, name=f"lines-{k}").start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop the processes; they are daemons and hold nothing."""
        self._stop.set()

    def next_batch(self) -> Batch:
        """The next batch; waits for one, at most two minutes."""
        batch: Batch = self._queue.get(timeout=120)
        return batch
