"""The result cache and the joining of identical requests, as a client sees them."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.fakes import client_of, picture, running
from tests.fakes import FakeRecogniser

pytestmark = pytest.mark.anyio

NO_STORE = {"Cache-Control": "private, No-Store"}


async def read(client: httpx.AsyncClient, width_px: int = 70, **options: Any) -> dict[str, Any]:
    headers = options.pop("headers", {})
    reply = await client.post("/ocr", files={"image": ("a.png", picture(width_px))}, data=options, headers=headers)
    assert reply.status_code == 200
    body: dict[str, Any] = reply.json()
    return body


async def test_same_picture_is_read_once() -> None:
    recogniser = FakeRecogniser()
    async with running(recogniser) as app, client_of(app) as client:
        first, second = await read(client), await read(client)
    assert first["results"] == second["results"]
    assert recogniser.batches == [[70]]


async def test_cached_answer_has_its_own_id_and_times() -> None:
    async with running() as app, client_of(app) as client:
        first, second = await read(client), await read(client)
    assert first["request_id"] != second["request_id"]
    assert set(second["timings"].values()) == {0.0}
    assert first["timings"]["detect"] + first["timings"]["queue"] > 0


@pytest.mark.parametrize(
    "options", [{"resize_height": 16}, {"return_chars": "true"}, {"return_confidence": "0"}, {"min_confidence": "0.5"}]
)
async def test_other_options_are_another_answer(options: dict[str, Any]) -> None:
    recogniser = FakeRecogniser()
    async with running(recogniser) as app, client_of(app) as client:
        await read(client)
        await read(client, **options)
    assert len(recogniser.batches) == 2


async def test_no_store_neither_keeps_nor_takes_an_answer() -> None:
    recogniser = FakeRecogniser()
    async with running(recogniser) as app, client_of(app) as client:
        await read(client, headers=NO_STORE)
        await read(client)
        await read(client, headers=NO_STORE)
    assert len(recogniser.batches) == 3


async def test_cache_can_be_turned_off() -> None:
    recogniser = FakeRecogniser()
    async with running(recogniser, cache_bytes=0) as app, client_of(app) as client:
        await read(client)
        await read(client)
    assert len(recogniser.batches) == 2


async def test_identical_requests_in_flight_are_computed_once_each_with_its_own_id() -> None:
    recogniser = FakeRecogniser()
    recogniser.gate.clear()
    async with running(recogniser, door_requests=1) as app, client_of(app) as client:
        calls = [asyncio.create_task(read(client)) for _ in range(5)]
        await recogniser.started(1)
        recogniser.gate.set()
        bodies = await asyncio.gather(*calls)
        metrics = (await client.get("/metrics")).text
    assert recogniser.batches == [[70]]
    assert len({body["request_id"] for body in bodies}) == 5
    assert 'ocrsvc_answers_total{source="computed"} 1.0' in metrics


async def test_no_store_does_not_join() -> None:
    recogniser = FakeRecogniser()
    recogniser.gate.clear()
    async with running(recogniser) as app, client_of(app) as client:
        calls = [asyncio.create_task(read(client, headers=NO_STORE)) for _ in range(2)]
        await recogniser.started(2)
        recogniser.gate.set()
        await asyncio.gather(*calls)
    assert sum(map(len, recogniser.batches)) == 2


async def test_one_waiters_deadline_does_not_end_the_others() -> None:
    recogniser = FakeRecogniser()
    recogniser.gate.clear()
    async with running(recogniser) as app, client_of(app) as client:
        patient = asyncio.create_task(read(client))
        await recogniser.started(1)
        hasty = asyncio.create_task(read(client))
        await asyncio.sleep(0)
        hasty.cancel()
        recogniser.gate.set()
        assert (await patient)["results"][0]["text"] == "70"
    assert recogniser.batches == [[70]]
