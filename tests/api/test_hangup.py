"""Clients that leave: in mid-upload, before the answer, together with others."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from ocrsvc.logs import FIELDS
from tests.api.fakes import StatefulApp, Wire, client_of, picture, running
from tests.fakes import FakeRecogniser, settle

pytestmark = pytest.mark.anyio

BOUNDARY = "cut"
HEADERS = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(data: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    return head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


def door_of(app: StatefulApp) -> Any:
    return app.state["services"].door


async def still_answers(app: StatefulApp) -> bool:
    async with client_of(app) as client:
        reply = await client.post(
            "/ocr", files={"image": ("a.png", picture(55))}, headers={"Cache-Control": "no-store"}
        )
        return bool(reply.json()["results"][0]["text"] == "55")


async def test_hang_up_in_mid_upload_leaves_no_trace(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    recogniser = FakeRecogniser()
    async with running(recogniser) as app:
        wire = Wire("/ocr", HEADERS)
        wire.body(form(picture())[:100], more=True)
        wire.hang_up()
        await wire.call(app)
        assert wire.sent == []
        assert (door_of(app).held_bytes, door_of(app).requests) == (0, 0)
        assert await still_answers(app)
    assert recogniser.batches == [[55]]
    assert [getattr(record, FIELDS)["status"] for record in caplog.records if record.name == "ocrsvc.access"] == [
        499,
        200,
    ]


async def test_upload_is_counted_while_it_is_held() -> None:
    async with running() as app:
        wire = Wire("/ocr", HEADERS)
        wire.body(form(picture())[:100], more=True)
        call = asyncio.create_task(wire.call(app))
        await settle()
        assert door_of(app).held_bytes == 100
        wire.hang_up()
        await call
        assert door_of(app).held_bytes == 0


async def test_uploads_over_the_memory_for_all_of_them_are_refused() -> None:
    async with running(max_upload_bytes=2048, max_batch_bytes=70_000, max_held_bytes=70_000) as app:
        first = Wire("/ocr/batch", HEADERS)
        first.body(form(bytes(1500)).replace(b'"image"', b'"other"')[:60_000], more=True)
        first.body(b"x" * 60_000, more=True)
        call = asyncio.create_task(first.call(app))
        await settle()
        second = Wire("/ocr", HEADERS)
        second.body(form(picture()) + b"x" * 20_000)
        await second.call(app)
        assert second.status == 429
        first.hang_up()
        await call
        assert await still_answers(app)


async def test_lines_of_a_client_that_left_are_not_computed() -> None:
    recogniser = FakeRecogniser()
    recogniser.gate.clear()
    async with running(recogniser, threads=1) as app:
        busy, left = Wire("/ocr", HEADERS), Wire("/ocr", HEADERS)
        busy.body(form(picture(70)))
        first = asyncio.create_task(busy.call(app))
        await recogniser.started(1)
        left.body(form(picture(80)))
        second = asyncio.create_task(left.call(app))
        await settle()
        left.hang_up()
        await second
        recogniser.gate.set()
        await first
        assert (busy.status, left.sent) == (200, [])
        assert recogniser.batches == [[70]]
        assert door_of(app).requests == 0


async def test_hang_up_during_recognition_ends_the_request() -> None:
    recogniser = FakeRecogniser()
    recogniser.gate.clear()
    async with running(recogniser) as app:
        wire = Wire("/ocr", HEADERS)
        wire.body(form(picture(70)))
        call = asyncio.create_task(wire.call(app))
        await recogniser.started(1)
        wire.hang_up()
        await call
        assert (wire.sent, door_of(app).requests) == ([], 0)
        recogniser.gate.set()
        assert await still_answers(app)


async def test_batch_of_a_client_that_left_is_dropped() -> None:
    recogniser = FakeRecogniser()
    recogniser.gate.clear()
    async with running(recogniser, threads=1) as app:
        wire = Wire("/ocr/batch", HEADERS)
        parts = [form(picture(width)).replace(b'"image"', b'"images"') for width in (70, 80, 90)]
        end = f"--{BOUNDARY}--\r\n".encode()
        wire.body(b"".join(part.removesuffix(end) for part in parts) + end)
        call = asyncio.create_task(wire.call(app))
        await recogniser.started(1)
        wire.hang_up()
        await call
        assert wire.sent == []
        recogniser.gate.set()
        assert await still_answers(app)
    assert 90 not in [width for batch in recogniser.batches for width in batch]


async def test_one_of_two_identical_requests_may_leave() -> None:
    recogniser = FakeRecogniser()
    recogniser.gate.clear()
    async with running(recogniser) as app:
        wires = [Wire("/ocr", HEADERS) for _ in range(2)]
        for wire in wires:
            wire.body(form(picture(70)))
        calls = [asyncio.create_task(wire.call(app)) for wire in wires]
        await recogniser.started(1)
        await settle()
        assert door_of(app).held_bytes == 2 * len(form(picture(70)))
        wires[0].hang_up()
        await calls[0]
        recogniser.gate.set()
        await calls[1]
        assert ([wire.status for wire in wires], recogniser.batches) == ([None, 200], [[70]])


async def test_slow_upload_gets_deadline_exceeded() -> None:
    async with running(request_timeout_s=0.05) as app:
        wire = Wire("/ocr", HEADERS)
        wire.body(form(picture())[:50], more=True)
        await wire.call(app)
        assert (wire.status, door_of(app).held_bytes) == (504, 0)


async def test_refused_upload_is_read_to_its_end_so_that_the_client_gets_the_answer() -> None:
    async with running(api_keys="key") as app:
        wire = Wire("/ocr", HEADERS)
        for more in (True, True, False):
            wire.body(bytes(1000), more=more)
        await wire.call(app)
        assert (wire.status, wire.incoming.empty(), door_of(app).held_bytes) == (401, True, 0)


async def test_client_that_waits_to_be_told_to_go_on_is_refused_without_its_upload() -> None:
    async with running(api_keys="key") as app:
        wire = Wire("/ocr", {**HEADERS, "expect": "100-continue"})
        wire.body(bytes(1000))
        await wire.call(app)
        assert (wire.status, wire.incoming.qsize()) == (401, 1)
