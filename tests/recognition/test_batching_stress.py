"""Many callers, random departures and faults: nobody gets a neighbour's lines, nobody waits for ever."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest

from ocrsvc.compute import ComputePool, Priority
from ocrsvc.errors import Internal
from ocrsvc.recognition.batching import BatchLimits, LineBatcher, Recognised
from ocrsvc.recognition.ctc import LineText
from ocrsvc.recognition.line import LineCrop, bucket_width_px
from tests.fakes import FakeRecogniser, line_of, submit

pytestmark = pytest.mark.anyio

POISON_PX = 1777  # a line of this width breaks its batch


class Crowd:
    """Callers that arrive, leave and mix with other work in an order drawn from a seed."""

    def __init__(self, seed: int, batcher: LineBatcher, pool: ComputePool, faults: bool) -> None:
        self.random = random.Random(seed)
        self.batcher = batcher
        self.pool = pool
        self.widths = [1, 30, 33, 64, 100, 101, 320, 640, 700, 3000, *[POISON_PX] * faults]
        self.calls: list[tuple[list[int], asyncio.Task[Recognised]]] = []
        self.left: set[asyncio.Task[Recognised]] = set()
        self.other: list[asyncio.Task[None]] = []

    async def act(self) -> None:
        """One random step."""
        match self.random.randrange(6):
            case 0 | 1 | 2:
                widths = self.random.choices(self.widths, k=self.random.choice([0, 1, 1, 2, 7, 40]))
                lines = [line_of(width) for width in widths]
                self.calls.append((widths, submit(self.batcher.recognise(lines))))
            case 3 if self.calls:
                _, task = self.random.choice(self.calls)
                if task.cancel():
                    self.left.add(task)
            case 4:
                priority = self.random.choice(list(Priority))
                self.other.append(submit(self.pool.run(_spin, self.random.randrange(20_000), priority=priority)))
            case _:
                for _ in range(self.random.randrange(8)):
                    await asyncio.sleep(0)

    async def check(self) -> tuple[int, int]:
        """Await everyone; returns how many were answered and how many failed."""
        answered = failed = 0
        for widths, task in self.calls:
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            if isinstance(outcome, Recognised):
                assert [line.text for line in outcome.lines] == [str(width) for width in widths]
                answered += 1
            elif isinstance(outcome, Internal):
                assert POISON_PX in self.widths
                failed += 1
            else:
                assert isinstance(outcome, asyncio.CancelledError)
                assert task in self.left
        await asyncio.gather(*self.other)
        return answered, failed


def _spin(count: int) -> None:
    for _ in range(count):
        pass


class PoisonedRecogniser(FakeRecogniser):
    def infer(self, lines: Sequence[LineCrop]) -> list[LineText]:
        results = super().infer(lines)
        if any(line.width_px == POISON_PX for line in lines):
            raise ValueError("poison")
        return results


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("faults", [False, True], ids=["sound", "faulty"])
@pytest.mark.parametrize("seed", range(6))
async def test_every_caller_gets_its_own_lines_and_nothing_stays_behind(seed: int, threads: int, faults: bool) -> None:
    fake = PoisonedRecogniser()
    lost: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: lost.append(context))
    with ComputePool(threads) as pool:
        async with LineBatcher(fake.infer, pool, BatchLimits(max_columns=700)) as batcher:
            crowd = Crowd(seed, batcher, pool, faults)
            for _ in range(250):
                await crowd.act()
            answered, failed = await crowd.check()
            assert (batcher.waiting, batcher.owed) == (0, 0)
            assert batcher.healthy
        assert pool.pending == 0
    assert answered > 20
    assert bool(failed) == faults
    assert all(len({bucket_width_px(width) for width in batch}) == 1 for batch in fake.batches)
    assert not lost  # no exception without a taker, no callback that failed


async def test_a_shutdown_amid_the_crowd_answers_everyone() -> None:
    fake = FakeRecogniser()
    with ComputePool(2) as pool:
        async with LineBatcher(fake.infer, pool, BatchLimits(max_columns=700)) as batcher:
            crowd = Crowd(99, batcher, pool, faults=False)
            for _ in range(200):
                await crowd.act()
            for _ in range(3):
                await asyncio.sleep(0)  # each call submitted so far is accepted
        answered, _ = await crowd.check()
    assert answered > 20
    assert batcher.waiting == batcher.owed == 0
