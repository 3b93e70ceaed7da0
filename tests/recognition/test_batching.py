from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

import numpy as np
import pytest

from ocrsvc.compute import ComputePool
from ocrsvc.errors import Internal, Overloaded, Unavailable
from ocrsvc.recognition.batching import BatchLimits, LineBatcher, Recognised
from ocrsvc.recognition.line import LineCrop, bucket_width_px
from ocrsvc.recognition.waiting import Page
from tests.fakes import FakeObserver, FakeRecogniser, Gate, ManualClockLoop, line_of, settle, submit

pytestmark = pytest.mark.anyio


def read(batcher: LineBatcher, *widths_px: int) -> asyncio.Task[Recognised]:
    """Hand in one page."""
    return submit(batcher.recognise([line_of(width) for width in widths_px]))


async def texts(call: asyncio.Task[Recognised]) -> list[str]:
    return [line.text for line in (await call).lines]


@asynccontextmanager
async def busy(
    fake: FakeRecogniser, pool: ComputePool, limits: BatchLimits | None = None
) -> AsyncIterator[LineBatcher]:
    """A batcher whose only worker holds a line of 999 until the test opens the gate."""
    async with LineBatcher(fake.infer, pool, limits) as batcher:
        fake.gate.clear()
        first = read(batcher, 999)
        await fake.started(1)
        try:
            yield batcher
        finally:
            fake.gate.set()
            with contextlib.suppress(Internal, Unavailable):
                await first
    assert batcher.waiting == batcher.owed == 0


async def test_a_page_gets_its_lines_in_order(fake: FakeRecogniser, pool: ComputePool) -> None:
    async with LineBatcher(fake.infer, pool) as batcher:
        assert await texts(read(batcher, 300, 10, 299, 40, 11)) == ["300", "10", "299", "40", "11"]
    assert fake.batches == [[300, 299], [10, 11], [40]]


async def test_a_page_without_lines_is_answered_at_once(fake: FakeRecogniser, pool: ComputePool) -> None:
    async with LineBatcher(fake.infer, pool) as batcher:
        assert await batcher.recognise([]) == Recognised([], 0.0, 0.0)


def test_an_idle_worker_starts_at_once(pool: ComputePool, fake: FakeRecogniser) -> None:
    async def main() -> list[str]:
        async with LineBatcher(fake.infer, pool) as batcher:
            return await texts(read(batcher, 100))

    with asyncio.Runner(loop_factory=ManualClockLoop) as runner:  # no timer ever fires on this loop
        assert runner.run(main()) == ["100"]


async def test_lines_gather_while_the_worker_is_busy(fake: FakeRecogniser, pool: ComputePool) -> None:
    async with busy(fake, pool) as batcher:
        calls = [read(batcher, width) for width in (100, 101, 102)]
        await settle()
        assert batcher.waiting == 3
        fake.gate.set()
        assert [await texts(call) for call in calls] == [["100"], ["101"], ["102"]]
    assert fake.batches == [[999], [100, 101, 102]]


async def test_the_column_budget_splits_what_gathered(fake: FakeRecogniser, pool: ComputePool) -> None:
    async with busy(fake, pool, BatchLimits(max_columns=300)) as batcher:
        call = read(batcher, *[128] * 5)
        await settle()
        fake.gate.set()
        await call
    assert fake.batches[1:] == [[128, 128], [128, 128], [128]]


async def test_an_over_wide_line_runs_alone(fake: FakeRecogniser, pool: ComputePool) -> None:
    async with busy(fake, pool, BatchLimits(max_columns=200)) as batcher:
        call = read(batcher, 2000, 2000, 10)
        await settle()
        fake.gate.set()
        assert await texts(call) == ["2000", "2000", "10"]
    assert fake.batches[1:] == [[2000], [2000], [10]]


async def test_buckets_do_not_mix(fake: FakeRecogniser, pool: ComputePool) -> None:
    async with busy(fake, pool) as batcher:
        calls = [read(batcher, width) for width in (96, 97, 64, 128)]
        await settle()
        fake.gate.set()
        await asyncio.gather(*calls)
    assert fake.batches[1:] == [[96], [97, 128], [64]]


async def test_a_one_line_page_overtakes_a_page_of_500_lines(fake: FakeRecogniser, pool: ComputePool) -> None:
    async with busy(fake, pool, BatchLimits(max_columns=320)) as batcher:
        long = read(batcher, *[64] * 500)
        await settle()
        short = read(batcher, 200)
        await settle()
        fake.gate.set()
        await short
        assert not long.done()
        assert fake.batches.index([200]) == 2
        assert len((await long).lines) == 500


async def test_a_full_queue_refuses(fake: FakeRecogniser, pool: ComputePool) -> None:
    async with busy(fake, pool, BatchLimits(max_waiting_lines=2)) as batcher:
        fits = read(batcher, 10, 20)
        await settle()
        with pytest.raises(Overloaded):
            await batcher.recognise([line_of(30)])
        fake.gate.set()
        assert await texts(fits) == ["10", "20"]
    assert [30] not in fake.batches


async def test_a_page_larger_than_the_queue_is_read_when_nothing_waits(fake: FakeRecogniser, pool: ComputePool) -> None:
    async with LineBatcher(fake.infer, pool, BatchLimits(max_waiting_lines=2)) as batcher:
        assert await texts(read(batcher, 10, 20, 30)) == ["10", "20", "30"]


async def test_a_line_of_a_caller_that_left_is_not_computed(fake: FakeRecogniser, pool: ComputePool) -> None:
    async with busy(fake, pool) as batcher:
        kept, left = read(batcher, 100), read(batcher, 101)  # of one bucket
        await settle()
        left.cancel()
        fake.gate.set()
        assert await texts(kept) == ["100"]
    assert fake.batches == [[999], [100]]


async def test_leaving_frees_the_queue_while_the_worker_is_busy(fake: FakeRecogniser, pool: ComputePool) -> None:
    async with busy(fake, pool) as batcher:
        left = read(batcher, 100, 200)
        await settle()
        assert (batcher.waiting, batcher.owed) == (2, 2)
        left.cancel()
        await settle()
        assert (batcher.waiting, batcher.owed) == (0, 1)


async def test_leaving_frees_the_pixels_while_the_worker_is_busy(fake: FakeRecogniser, pool: ComputePool) -> None:
    async with busy(fake, pool) as batcher:
        pixels = np.zeros((32, 100), dtype=np.uint8)
        held = weakref.ref(pixels)
        left = submit(batcher.recognise([LineCrop(pixels)]))
        del pixels
        await settle()
        assert held() is not None
        left.cancel()
        await settle()
        del left
        gc.collect()
        assert held() is None


async def test_a_failure_that_meets_a_leaving_caller_is_not_reported_as_lost(
    fake: FakeRecogniser, pool: ComputePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: lost.append(context))
    calls: list[asyncio.Task[Recognised]] = []
    fail = Page.fail

    def fail_and_leave(page: Page, error: Exception) -> None:
        fail(page, error)
        calls[0].cancel()

    monkeypatch.setattr(Page, "fail", fail_and_leave)
    fake.answer = lambda lines: []
    async with LineBatcher(fake.infer, pool) as batcher:
        calls.append(read(batcher, 100))
        with pytest.raises(asyncio.CancelledError):
            await calls[0]
        calls.clear()
    gc.collect()
    assert not lost


async def test_leaving_during_a_batch_drops_its_result_and_no_other(fake: FakeRecogniser, pool: ComputePool) -> None:
    async with LineBatcher(fake.infer, pool) as batcher:
        fake.gate.clear()
        left, kept = read(batcher, 100, 500), read(batcher, 101)
        await fake.started(1)
        left.cancel()
        fake.gate.set()
        assert await texts(kept) == ["101"]
        with pytest.raises(asyncio.CancelledError):
            await left
    assert fake.batches == [[100, 101]]  # 500 was still waiting and is not computed


async def test_a_batch_held_in_the_pool_is_dropped_when_all_have_left(fake: FakeRecogniser, pool: ComputePool) -> None:
    gate = Gate()
    gate.clear()
    async with LineBatcher(fake.infer, pool) as batcher:
        detection = submit(pool.run(gate.passes))  # the only core is at work elsewhere
        await gate.arrived(1)
        left = read(batcher, 100)
        await settle()
        assert batcher.waiting == 0  # in a batch that has not started
        left.cancel()
        gate.set()
        await detection
        assert await texts(read(batcher, 200)) == ["200"]
    assert fake.batches == [[200]]


async def test_lines_go_before_the_preparation_of_new_pages(fake: FakeRecogniser, pool: ComputePool) -> None:
    gate = Gate()
    gate.clear()
    async with LineBatcher(fake.infer, pool) as batcher:
        detection = submit(pool.run(gate.passes))
        await gate.arrived(1)
        batches_before = submit(pool.run(lambda: len(fake.batches)))
        await settle()
        lines = read(batcher, 100)
        await settle()
        gate.set()
        assert await batches_before == 1
        await asyncio.gather(detection, lines)


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_a_wrong_number_of_results_fails_the_batch_alone(
    fake: FakeRecogniser, pool: ComputePool, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    async with busy(fake, pool) as batcher:
        calls = [read(batcher, 100), read(batcher, 101)]
        await settle()
        held = fake.answer
        fake.answer = lambda lines: held([line_of(1)] * count) if len(lines) == 2 else held(lines)
        fake.gate.set()
        errors = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(error) for error in errors] == [Internal, Internal]
        assert errors[0] is not errors[1]
        assert batcher.healthy
        assert await texts(read(batcher, 7)) == ["7"]
    assert "a batch of 2 lines failed" in caplog.text


@pytest.mark.parametrize("error", [ValueError("secret"), MemoryError(), SystemExit(1), asyncio.CancelledError()])
async def test_when_infer_raises_each_caller_gets_its_own_fault(
    fake: FakeRecogniser, pool: ComputePool, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    def fail(lines: object) -> NoReturn:
        raise error

    async with busy(fake, pool) as batcher:
        calls = [read(batcher, 100), read(batcher, 101, 500)]
        await settle()
        fake.answer = fail
        fake.gate.set()
        errors = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(error) for error in errors] == [Internal, Internal]
        assert errors[0] is not errors[1]
        assert "secret" not in str(errors)
        fake.answer = fake.read
        assert await texts(read(batcher, 7)) == ["7"]
    assert [500] not in fake.batches  # its page had failed already
    assert type(error).__name__ in caplog.text


async def test_a_dead_worker_fails_its_callers_and_turns_health_off(
    fake: FakeRecogniser, pool: ComputePool, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(FakeObserver):
        def batch_done(self, rows: int, real_columns: int, padded_columns: int, seconds: float) -> None:
            raise RuntimeError("a bug in our own code")

    async with LineBatcher(fake.infer, pool, observer=Broken()) as batcher:
        fake.gate.clear()
        first = read(batcher, 999)
        await fake.started(1)
        waiting = [read(batcher, 100), read(batcher, 101)]
        await settle()
        assert batcher.healthy
        fake.gate.set()
        assert await texts(first) == ["999"]
        errors = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(error) for error in errors] == [Unavailable, Unavailable]
        assert errors[0] is not errors[1]
        assert not batcher.healthy
        with pytest.raises(Unavailable):
            await batcher.recognise([line_of(1)])
    assert "a batch worker died" in caplog.text
    assert fake.batches == [[999]]


async def test_a_cancelled_worker_fails_its_callers(fake: FakeRecogniser, pool: ComputePool) -> None:
    async with busy(fake, pool) as batcher:
        waiting = read(batcher, 100)
        await settle()
        batcher._workers[0].cancel()
        with pytest.raises(Unavailable):
            await waiting
        assert not batcher.healthy


async def test_a_closed_pool_fails_the_callers_and_turns_health_off(fake: FakeRecogniser) -> None:
    with ComputePool(1) as pool:
        async with LineBatcher(fake.infer, pool) as batcher:
            pool.close()
            assert not batcher.healthy
            with pytest.raises(Unavailable):
                await batcher.recognise([line_of(1)])


async def test_shutdown_answers_what_was_accepted(fake: FakeRecogniser, pool: ComputePool) -> None:
    async with LineBatcher(fake.infer, pool) as batcher:
        fake.gate.clear()
        calls = [read(batcher, 999)]
        await fake.started(1)
        calls += [read(batcher, 100), read(batcher, 200)]
        await settle()
        leaving = submit(batcher.__aexit__(None, None, None))
        await settle()
        assert not batcher.healthy
        with pytest.raises(Unavailable):
            await batcher.recognise([line_of(1)])
        assert not leaving.done()
        fake.gate.set()
        await leaving
        assert [await texts(call) for call in calls] == [["999"], ["100"], ["200"]]
    assert all(worker.done() for worker in batcher._workers)


async def test_a_shutdown_that_is_cut_short_fails_what_is_left(fake: FakeRecogniser, pool: ComputePool) -> None:
    batcher = LineBatcher(fake.infer, pool)
    await batcher.__aenter__()
    fake.gate.clear()
    calls = [read(batcher, 999)]
    await fake.started(1)
    calls.append(read(batcher, 100))
    await settle()
    leaving = submit(batcher.__aexit__(None, None, None))
    await settle()
    leaving.cancel()
    errors = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(error) for error in errors] == [Unavailable, Unavailable]


async def test_lines_are_taken_only_while_the_batcher_is_entered(fake: FakeRecogniser, pool: ComputePool) -> None:
    batcher = LineBatcher(fake.infer, pool)
    with pytest.raises(Unavailable):
        await batcher.recognise([line_of(1)])
    async with batcher:
        assert batcher.healthy
    with pytest.raises(Unavailable):
        await batcher.recognise([])
    with pytest.raises(RuntimeError, match="once"):
        await batcher.__aenter__()


async def test_every_core_gets_a_share_of_one_page(fake: FakeRecogniser) -> None:
    with ComputePool(2) as pool:
        async with LineBatcher(fake.infer, pool) as batcher:
            fake.gate.clear()
            call = read(batcher, *[320] * 8)
            await fake.started(2)  # both at once: the first is held
            fake.gate.set()
            await call
    assert sorted(len(batch) for batch in fake.batches) == [1, 1, 2, 4]


async def test_the_observer_hears_of_batches_and_of_the_queue(fake: FakeRecogniser, pool: ComputePool) -> None:
    observer = FakeObserver()
    async with LineBatcher(fake.infer, pool, observer=observer) as batcher:
        await batcher.recognise([line_of(100), line_of(90), line_of(128), line_of(20)])
    assert observer.batches == [(2, 228, 256), (1, 90, 96), (1, 20, 32)]
    assert observer.depths == [4, 2, 1, 0]


async def test_waiting_and_computing_make_up_the_time_of_a_call(fake: FakeRecogniser, pool: ComputePool) -> None:
    async with busy(fake, pool) as batcher:
        call = read(batcher, 100, 200)
        await settle()
        fake.gate.set()
        result = await call
    assert result.queue_s > 0
    assert result.compute_s > 0


@pytest.mark.parametrize("limits", [{"max_columns": 0}, {"max_waiting_lines": 0}])
async def test_bounds_under_which_nothing_runs_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="needs"):
        BatchLimits(**limits)


def test_the_batches_of_a_call_are_of_one_bucket_each(pool: ComputePool, fake: FakeRecogniser) -> None:
    async def main() -> None:
        async with LineBatcher(fake.infer, pool) as batcher:
            await batcher.recognise([line_of(width) for width in range(1, 2000, 37)])

    asyncio.run(main())
    assert all(len({bucket_width_px(width) for width in batch}) == 1 for batch in fake.batches)
