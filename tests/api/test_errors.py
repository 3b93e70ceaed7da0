"""One way to each error code, and what every error has in common."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image

from ocrsvc.api.failures import INTERNAL_MESSAGE
from ocrsvc.api.schemas import ErrorReply
from tests.api.fakes import client_of, picture, running
from tests.fakes import FakeRecogniser

pytestmark = pytest.mark.anyio


def check(reply: httpx.Response, status: int, code: str, *words: str) -> None:
    body = reply.json()
    assert (reply.status_code, body["error"]["code"]) == (status, code)
    assert ErrorReply.model_validate(body).request_id == reply.headers["x-request-id"]
    assert list(body) == ["success", "error", "request_id"]
    for word in words:
        assert word in body["error"]["message"]


def image(data: bytes) -> dict[str, Any]:
    return {"image": ("page.png", data)}


async def post(data: bytes | None = None, fields: dict[str, str] | None = None, **settings: Any) -> httpx.Response:
    async with running(**settings) as app, client_of(app) as client:
        files = image(picture() if data is None else data)
        return await client.post("/ocr", files=files, data=fields or {})


async def post_raw(content: bytes, content_type: str | None, **settings: Any) -> httpx.Response:
    headers = {"content-type": content_type} if content_type is not None else {}
    async with running(**settings) as app, client_of(app) as client:
        return await client.post("/ocr", content=content, headers=headers)


async def test_unknown_path_is_not_found() -> None:
    async with running() as app, client_of(app) as client:
        check(await client.get("/nowhere"), 404, "not_found")
        check(await client.get("/static/nowhere.js"), 404, "not_found")
        check(await client.get("/ocr/"), 404, "not_found")


async def test_other_method_is_not_allowed_and_the_header_says_which_is() -> None:
    async with running() as app, client_of(app) as client:
        reply = await client.get("/ocr")
        check(reply, 405, "method_not_allowed")
        assert reply.headers["allow"] == "POST"
        check(await client.post("/static/docs.js"), 405, "method_not_allowed")


@pytest.mark.parametrize("content_type", [None, "image/png", "text/plain", "application/x-www-form-urlencoded", "junk"])
async def test_body_of_another_content_type_is_unsupported(content_type: str | None) -> None:
    check(await post_raw(picture(), content_type), 415, "unsupported_type", "multipart/form-data", "application/json")


async def test_compressed_body_is_unsupported() -> None:
    async with running() as app, client_of(app) as client:
        reply = await client.post("/ocr", files=image(picture()), headers={"Content-Encoding": "gzip"})
        check(reply, 415, "unsupported_type", "Content-Encoding")
        reply = await client.post("/ocr", files=image(picture()), headers={"Content-Encoding": "identity"})
        assert reply.status_code == 200


@pytest.mark.parametrize("name", ["resize_height", "min_confidence"])
async def test_json_boolean_is_no_number(name: str) -> None:
    body = json.dumps({"image": base64.b64encode(picture()).decode(), name: True}).encode()
    check(await post_raw(body, "application/json"), 422, "invalid_parameter", f"{name} must be")


@pytest.mark.parametrize(
    ("data", "word"),
    [(b"GIF89a" + bytes(40), "GIF"), (b"%PDF-1.7\n", "/documents"), (b"hello", "JPEG"), (b"MZ" + bytes(99), "JPEG")],
)
async def test_file_of_another_format_is_unsupported(data: bytes, word: str) -> None:
    check(await post(data), 415, "unsupported_type", word)


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "x" * 999],
)
async def test_form_without_a_usable_boundary_is_malformed(content_type: str) -> None:
    check(await post_raw(b"--x\r\n", content_type), 400, "malformed_request", "boundary")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary at all",
        b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\nhalf of a pict',
        b"--x\r\nContent-Disposition: attachment\r\n\r\na\r\n--x--\r\n",
        b"--x\r\n\r\na\r\n--x--\r\n",
        b"--x\r\n" + b"A: b\r\n" * 50 + b"\r\na\r\n--x--\r\n",
        b"--x\r\nA: " + b"b" * 100_000 + b"\r\n\r\na\r\n--x--\r\n",
    ],
)
async def test_broken_form_is_malformed(body: bytes) -> None:
    check(await post_raw(body, "multipart/form-data; boundary=x"), 400, "malformed_request")


async def test_doubled_parts_are_malformed() -> None:
    async with running() as app, client_of(app) as client:
        two = [("image", ("a.png", picture())), ("image", ("b.png", picture()))]
        check(await client.post("/ocr", files=two), 400, "malformed_request", "image")
        options = {"resize_height": ["32", "48"]}
        check(
            await client.post("/ocr", files=image(picture()), data=options), 400, "malformed_request", "resize_height"
        )


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"image": "", "image": ""}'])
async def test_broken_json_is_malformed(body: bytes) -> None:
    check(await post_raw(body, "application/json"), 400, "malformed_request")


@pytest.mark.parametrize("picture_text", [7, None, ["QQ=="], "%%%", "QQ=", "图片", "QQ==QQ=="])
async def test_json_picture_that_is_not_base64_is_invalid(picture_text: Any) -> None:
    check(await post_raw(json.dumps({"image": picture_text}).encode(), "application/json"), 422, "invalid_parameter")


async def test_missing_picture_is_an_invalid_parameter() -> None:
    async with running() as app, client_of(app) as client:
        check(await client.post("/ocr", files={"other": b"x"}), 422, "invalid_parameter", "'image' is missing")
        check(await client.post("/ocr", json={}), 422, "invalid_parameter", "'image' is missing")
        check(await client.post("/ocr/batch", files=image(picture())), 422, "invalid_parameter", "'images' is missing")
        check(await client.post("/ocr/batch", json={"images": "x"}), 422, "invalid_parameter", "list")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("resize_height", "abc"),
        ("resize_height", "15"),
        ("resize_height", "65"),
        ("resize_height", ""),
        ("resize_height", "20.5"),
        ("return_confidence", "yes"),
        ("return_chars", "2"),
        ("min_confidence", "1.1"),
        ("min_confidence", "nan"),
    ],
)
async def test_option_out_of_its_range_is_invalid_and_named(name: str, value: str) -> None:
    check(await post(fields={name: value}), 422, "invalid_parameter", f"{name} must be")


async def test_option_that_is_no_text_is_invalid() -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="resize_height"\r\n\r\n\xff\r\n--x--\r\n'
    check(await post_raw(body, "multipart/form-data; boundary=x"), 422, "invalid_parameter", "resize_height")


@pytest.mark.parametrize("cut", [0, 12, 40, -40])
async def test_picture_that_is_empty_or_cut_short_is_rejected(cut: int) -> None:
    check(await post(picture(200, 200)[:cut]), 422, "image_rejected")


async def test_option_of_many_bytes_is_too_large() -> None:
    check(await post(fields={"resize_height": "1" * 5000}), 413, "too_large", "resize_height")


async def test_picture_over_the_limit_of_bytes_is_too_large() -> None:
    check(await post(bytes(3000), max_upload_bytes=2048), 413, "too_large", "2,048 bytes")


async def test_body_over_the_limit_is_refused_by_its_announced_length() -> None:
    check(await post(bytes(300_000), max_upload_bytes=2048), 413, "too_large", "bytes")


async def test_json_body_over_the_limit_is_too_large() -> None:
    content = b'{"image": "' + b"A" * 4000 + b'"}'
    check(await post_raw(content, "application/json", max_upload_bytes=2048), 413, "too_large", "2,048 bytes")
    content = b'{"image": "' + b"A" * 400_000 + b'"}'
    check(await post_raw(content, "application/json", max_upload_bytes=2048), 413, "too_large")


async def test_bomb_is_refused_by_its_header_alone() -> None:
    data = io.BytesIO()
    Image.new("1", (9000, 9000)).save(data, "PNG")
    check(await post(data.getvalue(), max_pixels=1_000_000), 413, "too_large", "1,000,000")


async def test_too_many_pictures_or_parts_are_too_large() -> None:
    async with running(max_batch_images=2) as app, client_of(app) as client:
        three = [("images", ("a.png", picture()))] * 3
        check(await client.post("/ocr/batch", files=three), 413, "too_large", "2 pictures")
        check(await client.post("/ocr/batch", json={"images": [""] * 3}), 413, "too_large", "2 pictures")
        many = {f"part{n}": "x" for n in range(99)}
        check(await client.post("/ocr", files=image(picture()), data=many), 413, "too_large", "parts")


@pytest.mark.parametrize("path", ["/ocr", "/ocr/batch", "/ocr/preview"])
async def test_key_is_needed_where_keys_are_set(path: str) -> None:
    files = {"images" if path == "/ocr/batch" else "image": ("a.png", picture())}
    async with running(api_keys="first,second") as app, client_of(app) as client:
        check(await client.post(path, files=files), 401, "unauthorized", "X-API-Key")
        check(await client.post(path, files=files, headers={"X-API-Key": "first,second"}), 401, "unauthorized")
        assert (await client.post(path, files=files, headers={"X-API-Key": "second"})).status_code == 200


async def test_full_door_refuses_before_anything_starts() -> None:
    recogniser = FakeRecogniser()
    recogniser.gate.clear()
    async with running(recogniser, door_requests=1) as app, client_of(app) as client:
        busy = asyncio.create_task(client.post("/ocr", files=image(picture(70))))
        await recogniser.started(1)
        refused = await client.post("/ocr", files=image(picture(80)))
        batch = await client.post("/ocr/batch", files={"images": ("a.png", picture(80))})
        recogniser.gate.set()
        assert (await busy).status_code == 200
        metrics = (await client.get("/metrics")).text
    check(refused, 429, "overloaded")
    check(batch, 429, "overloaded")
    assert refused.headers["retry-after"] == "1"
    assert 'ocrsvc_refusals_total{reason="requests"} 2.0' in metrics
    assert recogniser.batches == [[70]]


async def test_door_refuses_pixels_it_has_no_room_for() -> None:
    recogniser = FakeRecogniser()
    recogniser.gate.clear()
    async with running(recogniser, door_pixels=5000, max_pixels=5000) as app, client_of(app) as client:
        busy = asyncio.create_task(client.post("/ocr", files=image(picture(100))))
        await recogniser.started(1)
        check(await client.post("/ocr", files=image(picture(90))), 429, "overloaded")
        recogniser.gate.set()
        assert (await busy).status_code == 200
        assert (await client.post("/ocr", files=image(picture(90)))).status_code == 200


async def test_fault_of_ours_shows_nothing_of_its_cause() -> None:
    recogniser = FakeRecogniser()

    def fail(_: object) -> Any:
        raise RuntimeError("/secret/path")

    recogniser.answer = fail
    async with running(recogniser) as app, client_of(app) as client:
        reply = await client.post("/ocr", files=image(picture()))
        check(reply, 500, "internal", INTERNAL_MESSAGE)
        assert "secret" not in reply.text
        assert (await client.get("/readyz")).status_code == 200


async def test_stopping_service_takes_nothing_new() -> None:
    async with running() as app, client_of(app) as client:
        app.app.state.readiness.close()
        reply = await client.post("/ocr", files=image(picture()))
        check(reply, 503, "unavailable", "stopping")
        assert reply.headers["retry-after"] == "1"
        check(await client.get("/readyz"), 503, "unavailable")
        assert (await client.get("/healthz")).status_code == 200


async def test_request_over_its_time_gets_deadline_exceeded() -> None:
    recogniser = FakeRecogniser()
    recogniser.gate.clear()
    async with running(recogniser, request_timeout_s=0.05) as app, client_of(app) as client:
        check(await client.post("/ocr", files=image(picture())), 504, "deadline_exceeded")
        recogniser.gate.set()
