from __future__ import annotations

import asyncio
import contextvars
import threading
from pathlib import Path
from typing import Any, NoReturn

import pytest

from ocrsvc import compute
from ocrsvc.compute import ComputePool, Priority, cores
from ocrsvc.errors import Internal, Overloaded, Unavailable
from tests.fakes import Gate, settle, submit

pytestmark = pytest.mark.anyio


def fail(error: BaseException) -> NoReturn:
    raise error


class Bench:
    """Jobs that write down their name; the first one holds the pool's only thread until released."""

    def __init__(self, pool: ComputePool) -> None:
        self.pool = pool
        self.done: list[str] = []
        self.gate = Gate()

    async def hold(self) -> asyncio.Task[Any]:
        self.gate.clear()
        task = submit(self.pool.run(self.gate.passes))
        await self.gate.arrived(1)
        return task

    async def add(self, name: str, priority: Priority) -> asyncio.Task[Any]:
        task = submit(self.pool.run(self.done.append, name, priority=priority))
        await settle()
        return task


async def test_a_job_gives_its_result_from_another_thread(pool: ComputePool) -> None:
    assert await pool.run(max, 3, 7) == 7
    assert await pool.run(threading.get_ident) != threading.get_ident()


async def test_as_many_jobs_run_at_once_as_there_are_threads() -> None:
    barrier = threading.Barrier(3, timeout=30)
    with ComputePool(3) as pool:
        assert sorted(await asyncio.gather(*(pool.run(barrier.wait) for _ in range(3)))) == [0, 1, 2]


async def test_recognition_runs_before_preparation_and_each_in_its_order(pool: ComputePool) -> None:
    bench = Bench(pool)
    tasks = [await bench.hold()]
    for name, priority in [
        ("page 1", Priority.PREPARE),
        ("lines 1", Priority.RECOGNISE),
        ("page 2", Priority.PREPARE),
        ("lines 2", Priority.RECOGNISE),
    ]:
        tasks.append(await bench.add(name, priority))
    bench.gate.set()
    await asyncio.gather(*tasks)
    assert bench.done == ["lines 1", "lines 2", "page 1", "page 2"]


async def test_a_job_whose_caller_left_is_not_started(pool: ComputePool) -> None:
    bench = Bench(pool)
    held = await bench.hold()
    left = await bench.add("left", Priority.PREPARE)
    kept = await bench.add("kept", Priority.PREPARE)
    assert pool.pending == 2
    left.cancel()
    await settle()
    assert pool.pending == 1
    bench.gate.set()
    await asyncio.gather(held, kept)
    assert bench.done == ["kept"]


async def test_a_running_job_ends_although_its_caller_left(pool: ComputePool) -> None:
    bench = Bench(pool)
    held = await bench.hold()
    held.cancel()
    with pytest.raises(asyncio.CancelledError):
        await held
    bench.gate.set()
    assert await pool.run(len, "next") == 4


@pytest.mark.parametrize("error", [ValueError("mine"), Overloaded("full")])
async def test_an_exception_reaches_the_caller_as_it_is(pool: ComputePool, error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        await pool.run(fail, error)
    assert caught.value is error
    assert await pool.run(len, "alive") == 5


@pytest.mark.parametrize(
    "error", [SystemExit(1), KeyboardInterrupt(), StopIteration(), asyncio.CancelledError(), GeneratorExit()]
)
async def test_what_would_stop_the_loop_arrives_as_a_fault_of_ours(pool: ComputePool, error: BaseException) -> None:
    with pytest.raises(Internal) as caught:
        await pool.run(fail, error)
    assert caught.value.__cause__ is error
    assert await pool.run(len, "alive") == 5


async def test_more_jobs_than_the_backstop_are_refused() -> None:
    with ComputePool(1, max_pending=1) as pool:
        bench = Bench(pool)
        held = await bench.hold()
        waiting = await bench.add("waits", Priority.PREPARE)
        with pytest.raises(Overloaded):
            await pool.run(len, "refused")
        bench.gate.set()
        await asyncio.gather(held, waiting)
        assert await pool.run(len, "room again") == 10


async def test_the_context_of_the_caller_goes_with_the_job(pool: ComputePool) -> None:
    request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="none")
    request_id.set("r-1")
    assert await pool.run(request_id.get) == "r-1"


async def test_closing_fails_what_waits_and_lets_what_runs_end() -> None:
    with ComputePool(1) as pool:
        bench = Bench(pool)
        bench.gate.clear()

        def run_to_the_end() -> None:
            bench.gate.passes()
            bench.done.append("job ended")

        def close() -> None:
            pool.close()
            bench.done.append("pool closed")

        held = submit(pool.run(run_to_the_end))
        await bench.gate.arrived(1)
        waiting = await bench.add("never", Priority.RECOGNISE)
        closing = threading.Thread(target=close)  # close() blocks, and this loop has more to do
        closing.start()
        with pytest.raises(Unavailable):
            await waiting
        bench.gate.set()
        await held
        closing.join()
    assert bench.done == ["job ended", "pool closed"]
    assert not pool.healthy


async def test_a_pool_takes_jobs_only_while_it_is_entered() -> None:
    pool = ComputePool(1)
    with pytest.raises(Unavailable):
        await pool.run(len, "early")
    with pool:
        assert pool.healthy
    with pytest.raises(Unavailable):
        await pool.run(len, "late")
    with pytest.raises(RuntimeError, match="once"), pool:
        pass


async def test_a_dead_thread_fails_its_callers_and_the_pool(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with ComputePool(1) as pool:
        bench = Bench(pool)
        held = await bench.hold()
        waiting = await bench.add("waits", Priority.PREPARE)
        monkeypatch.setattr(compute._Job, "compute", lambda job: fail(MemoryError()))
        bench.gate.set()
        await held
        with pytest.raises(Unavailable):
            await waiting
        assert not pool.healthy
        with pytest.raises(Unavailable):
            await pool.run(len, "refused")
    assert "a compute thread died" in caplog.text


async def test_a_closed_loop_does_not_hurt_the_pool(pool: ComputePool) -> None:
    gate = Gate()
    gate.clear()

    def leave() -> None:
        loop = asyncio.new_event_loop()
        task = loop.create_task(pool.run(gate.passes))
        loop.run_until_complete(gate.arrived(1))
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        loop.close()

    await asyncio.to_thread(leave)
    gate.set()
    assert await pool.run(len, "alive") == 5


@pytest.mark.parametrize(("threads", "room"), [(0, 1), (1, 0)])
async def test_a_pool_without_threads_or_room_is_refused(threads: int, room: int) -> None:
    with pytest.raises(ValueError, match="needs threads and room"):
        ComputePool(threads, max_pending=room)


@pytest.mark.parametrize(
    ("files", "expected", "reason"),
    [
        ({}, 8, "no control groups: the affinity"),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2, "version 2"),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 8, "version 2, no limit"),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2, "one and a half"),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "5000 100000\n"}, 1, "never none"),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "6400000 100000\n"}, 8, "more than there are"),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "300000 100000\n"}, 3, "a group above"),
        (
            {
                "proc/self/cgroup": "12:memory:/x\n4:cpu,cpuacct:/docker/1\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "400000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            4,
            "version 1 as seen in a container",
        ),
        (
            {
                "proc/self/cgroup": "4:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            8,
            "version 1, no limit",
        ),
    ],
)
async def test_cores_are_those_of_the_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: int, reason: str
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)))
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert cores(tmp_path) == expected, reason


async def test_this_machine_has_a_core() -> None:
    assert cores() >= 1
