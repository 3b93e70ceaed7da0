from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ocrsvc.cache import ENTRY_OVERHEAD_BYTES, ResultCache, SharedResults, Source
from ocrsvc.errors import ImageRejected, Overloaded
from tests.fakes import settle

pytestmark = pytest.mark.anyio

ENTRY = ENTRY_OVERHEAD_BYTES + 10


class FakeWork:
    """A computation that waits for its gate and counts its runs."""

    def __init__(self, result: str = "x" * 10) -> None:
        self.result = result
        self.gate = asyncio.Event()
        self.runs = self.cancelled = 0
        self.failure: Exception | None = None

    async def __call__(self) -> str:
        self.runs += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failure is not None:
            raise self.failure
        return self.result


def shared_of(max_bytes: int = 10 * ENTRY) -> SharedResults[str]:
    return SharedResults(ResultCache(max_bytes, len))


def start(shared: SharedResults[str], key: str, work: Callable[[], Awaitable[str]]) -> asyncio.Task[tuple[str, Source]]:
    return asyncio.create_task(shared.get(key, work))


async def test_second_request_is_answered_from_the_cache() -> None:
    shared, work = shared_of(), FakeWork()
    work.gate.set()
    assert await shared.get("a", work) == (work.result, Source.COMPUTED)
    assert await shared.get("a", work) == (work.result, Source.CACHED)
    assert work.runs == 1


async def test_identical_requests_in_flight_share_one_computation() -> None:
    shared, work = shared_of(), FakeWork()
    first, second = start(shared, "a", work), start(shared, "a", work)
    await settle()
    work.gate.set()
    assert [(await first)[1], (await second)[1]] == [Source.COMPUTED, Source.JOINED]
    assert work.runs == 1


async def test_different_keys_are_computed_apart() -> None:
    shared, one, other = shared_of(), FakeWork("one"), FakeWork("other")
    one.gate.set()
    other.gate.set()
    assert (await shared.get("a", one))[0] == "one"
    assert (await shared.get("b", other))[0] == "other"


async def test_computation_lives_while_one_of_its_waiters_does() -> None:
    shared, work = shared_of(), FakeWork()
    first, second = start(shared, "a", work), start(shared, "a", work)
    await settle()
    first.cancel()
    await settle()
    work.gate.set()
    assert (await second)[0] == work.result
    assert work.cancelled == 0


async def test_computation_is_cancelled_when_its_last_waiter_has_gone() -> None:
    shared, work = shared_of(), FakeWork()
    waiters = [start(shared, "a", work) for _ in range(3)]
    await settle()
    for waiter in waiters:
        waiter.cancel()
    await settle()
    assert work.cancelled == 1


async def test_request_after_a_cancelled_computation_starts_a_new_one() -> None:
    shared, work = shared_of(), FakeWork()
    left = start(shared, "a", work)
    await settle()
    left.cancel()
    await settle()
    work.gate.set()
    assert (await shared.get("a", work))[1] is Source.COMPUTED


async def test_each_waiter_gets_its_own_exception_object() -> None:
    shared, work = shared_of(), FakeWork()
    work.failure = ImageRejected("cut short")
    waiters = [start(shared, "a", work) for _ in range(2)]
    await settle()
    work.gate.set()
    failures = await asyncio.gather(*waiters, return_exceptions=True)
    assert [str(failure) for failure in failures] == ["cut short", "cut short"]
    assert failures[0] is not failures[1]


async def test_failure_is_not_kept() -> None:
    shared, work = shared_of(), FakeWork()
    work.gate.set()
    work.failure = Overloaded("full")
    with pytest.raises(Overloaded):
        await shared.get("a", work)
    work.failure = None
    assert (await shared.get("a", work))[1] is Source.COMPUTED


async def test_failure_whose_type_takes_other_arguments_arrives_as_it_is() -> None:
    shared, work = shared_of(), FakeWork()
    work.gate.set()
    work.failure = UnicodeDecodeError("utf-8", b"", 0, 1, "odd")
    with pytest.raises(UnicodeDecodeError, match="odd"):
        await shared.get("a", work)


def test_cache_drops_the_least_recently_used_first() -> None:
    cache = ResultCache[str](2 * ENTRY, len)
    for key in "ab":
        cache.put(key, "x" * 10)
    cache.get("a")
    cache.put("c", "x" * 10)
    assert [key for key in "abc" if cache.get(key)] == ["a", "c"]


def test_cache_stays_within_its_bytes() -> None:
    cache = ResultCache[str](3 * ENTRY, len)
    for n in range(20):
        cache.put(n % 7, "x" * (n % 11))
        assert cache.held_bytes <= 3 * ENTRY
    assert cache.held_bytes == sum(ENTRY_OVERHEAD_BYTES + len(cache.get(n) or "") for n in range(7) if cache.get(n))


def test_result_larger_than_the_cache_is_not_kept() -> None:
    cache = ResultCache[str](ENTRY, len)
    cache.put("a", "x" * 10_000)
    assert (len(cache), cache.held_bytes) == (0, 0)


def test_cache_of_no_bytes_keeps_nothing() -> None:
    cache = ResultCache[str](0, len)
    cache.put("a", "")
    assert len(cache) == 0
