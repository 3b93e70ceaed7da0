from __future__ import annotations

from collections.abc import Iterator

import pytest

from ocrsvc.compute import ComputePool
from tests.fakes import FakeRecogniser


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def pool() -> Iterator[ComputePool]:
    """One thread, so that what is held there holds everything."""
    with ComputePool(1) as pool:
        yield pool


@pytest.fixture
def fake(pool: ComputePool) -> Iterator[FakeRecogniser]:
    """A recogniser for `pool`; its gate is opened before the pool closes, whatever became of the test."""
    fake = FakeRecogniser()
    yield fake
    fake.gate.set()
