from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest

from ocrsvc.api.schemas import BatchReply, OcrReply
from ocrsvc.imaging.page import Page
from ocrsvc.recognition.ctc import LineText
from ocrsvc.recognition.line import LineCrop
from tests.api.fakes import FakeDetector, client_of, picture, running
from tests.fakes import FakeRecogniser

pytestmark = pytest.mark.anyio


def part(data: bytes, name: str = "image") -> list[tuple[str, tuple[str, bytes]]]:
    return [(name, ("page.png", data))]


async def test_answer_has_the_fixed_keys_first_and_fits_its_schema() -> None:
    async with running() as app, client_of(app) as client:
        reply = await client.post("/ocr", files=part(picture(120)))
    assert reply.status_code == 200
    body = reply.json()
    assert list(body)[:3] == ["success", "results", "total_time"]
    line = {"text": "120", "confidence": 0.9, "bbox": [0, 0, 120, 32]}
    assert body["results"] == [{**line, "polygon": [[0, 0], [120, 0], [120, 32], [0, 32]]}]
    assert (body["image"], body["model"]) == ({"width": 120, "height": 32, "rotation": 0}, "fake")
    assert OcrReply.model_validate(body).request_id == reply.headers["x-request-id"]


async def test_characters_come_with_box_confidence_and_alternatives_when_asked_for() -> None:
    async with running() as app, client_of(app) as client:
        reply = await client.post("/ocr", files=part(picture(120)), data={"return_chars": "true"})
    chars = reply.json()["results"][0]["chars"]
    assert [char["text"] for char in chars] == ["1", "2", "0"]
    assert chars[1]["bbox"] == [40, 0, 80, 32]
    assert OcrReply.model_validate(reply.json())


@pytest.mark.parametrize("value", ["false", "False", "0"])
async def test_confidence_is_left_out_when_not_wanted(value: str) -> None:
    async with running() as app, client_of(app) as client:
        data = {"return_confidence": value, "return_chars": "1"}
        line = (await client.post("/ocr", files=part(picture(120)), data=data)).json()["results"][0]
    assert "confidence" not in line
    assert "confidence" not in line["chars"][0]


async def test_lines_below_the_least_confidence_are_left_out() -> None:
    async with running() as app, client_of(app) as client:
        kept = await client.post("/ocr", files=part(picture()), data={"min_confidence": "0.9"})
        dropped = await client.post("/ocr", files=part(picture()), data={"min_confidence": "0.91"})
    assert (len(kept.json()["results"]), dropped.json()["results"]) == (1, [])


async def test_crops_are_scaled_to_the_height_asked_for_then_to_the_models() -> None:
    async with running() as app, client_of(app) as client:
        reply = await client.post("/ocr", files=part(picture(100)), data={"resize_height": "16"})
    assert reply.json()["results"][0]["text"] == "100"


@pytest.mark.parametrize("size", [(1, 1), (30_000, 1), (1, 7)])
async def test_picture_without_text_is_a_success_without_results(size: tuple[int, int]) -> None:
    async with running() as app, client_of(app) as client:
        reply = await client.post("/ocr", files=part(picture(*size)))
    assert (reply.status_code, reply.json()["success"], reply.json()["results"]) == (200, True, [])


async def test_json_body_reads_the_same_as_a_form() -> None:
    body = {"image": base64.b64encode(picture(90)).decode(), "return_confidence": False, "resize_height": 32}
    async with running() as app, client_of(app) as client:
        reply = await client.post("/ocr", json=body)
    assert reply.json()["results"][0]["text"] == "90"
    assert "confidence" not in reply.json()["results"][0]


async def test_data_url_in_a_json_body_is_read() -> None:
    url = "data:image/png;base64," + base64.encodebytes(picture(90)).decode()
    async with running() as app, client_of(app) as client:
        reply = await client.post("/ocr", json={"image": url})
    assert reply.json()["results"][0]["text"] == "90"


async def test_unknown_parts_are_skipped() -> None:
    async with running() as app, client_of(app) as client:
        reply = await client.post("/ocr", files=part(picture(90)), data={"submit": "x" * 200_000})
    assert reply.json()["results"][0]["text"] == "90"


async def test_batch_answers_each_picture_in_order() -> None:
    files = [*part(picture(70), "images"), *part(b"not a picture", "images"), *part(picture(80), "images")]
    async with running() as app, client_of(app) as client:
        reply = await client.post("/ocr/batch", files=files)
    body = reply.json()
    assert [image["success"] for image in body["images"]] == [True, False, True]
    assert [image["results"][0]["text"] for image in body["images"][::2]] == ["70", "80"]
    assert body["images"][1]["error"]["code"] == "unsupported_type"
    assert BatchReply.model_validate(body)


async def test_batch_takes_json() -> None:
    pictures = [base64.b64encode(picture(width)).decode() for width in (50, 60)]
    async with running() as app, client_of(app) as client:
        body = (await client.post("/ocr/batch", json={"images": pictures, "return_chars": True})).json()
    assert [image["results"][0]["text"] for image in body["images"]] == ["50", "60"]


async def test_fault_in_one_picture_of_a_batch_does_not_fail_the_others() -> None:
    class FaultyDetector(FakeDetector):
        def detect(self, page: Page) -> Any:
            if page.width_px == 70:
                raise RuntimeError("secret")
            return super().detect(page)

    files = [*part(picture(70), "images"), *part(picture(80), "images")]
    async with running(detector=FaultyDetector()) as app, client_of(app) as client:
        reply = await client.post("/ocr/batch", files=files)
    first, second = reply.json()["images"]
    assert (first["error"]["code"], second["success"]) == ("internal", True)
    assert "secret" not in reply.text


async def test_preview_is_a_grey_png_of_the_pages_size() -> None:
    async with running() as app, client_of(app) as client:
        reply = await client.post("/ocr/preview", files=part(picture(70, 40, grey=33)))
    assert reply.headers["content-type"] == "image/png"
    pixels = cv2.imdecode(np.frombuffer(reply.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    assert (pixels.shape, int(pixels.mean())) == ((40, 70), 33)


async def test_many_requests_at_once_each_get_their_own_answer() -> None:
    widths = list(range(33, 33 + 60))
    async with running() as app, client_of(app) as client:
        replies = await asyncio.gather(*(client.post("/ocr", files=part(picture(width))) for width in widths))
    assert [reply.json()["results"][0]["text"] for reply in replies] == [str(width) for width in widths]
    assert len({reply.headers["x-request-id"] for reply in replies}) == len(widths)


async def test_no_stage_runs_on_the_event_loops_thread() -> None:
    seen: set[str] = set()

    class NosyDetector(FakeDetector):
        def detect(self, page: Page) -> Any:
            seen.add(threading.current_thread().name)
            return super().detect(page)

    class NosyRecogniser(FakeRecogniser):
        def infer(self, lines: Sequence[LineCrop]) -> list[LineText]:
            seen.add(threading.current_thread().name)
            return super().infer(lines)

    async with running(NosyRecogniser(), NosyDetector()) as app, client_of(app) as client:
        await client.post("/ocr", files=part(picture()))
    assert seen
    assert threading.current_thread().name not in seen


async def test_service_answers_while_a_page_is_being_read() -> None:
    recogniser = FakeRecogniser()
    recogniser.gate.clear()
    async with running(recogniser) as app, client_of(app) as client:
        busy = asyncio.create_task(client.post("/ocr", files=part(picture())))
        await recogniser.started(1)
        assert (await client.get("/healthz")).status_code == 200
        recogniser.gate.set()
        assert (await busy).status_code == 200
