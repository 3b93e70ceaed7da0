from __future__ import annotations

import pytest

from bench.broken import Broken, broken_requests
from bench.client import Reply, difference
from bench.hostile import parse_metrics
from tests.api.fakes import client_of, picture, running

pytestmark = pytest.mark.anyio


def reply(text: str = "5", confidence: float = 0.9, status: int = 200) -> Reply:
    line = {"text": text, "confidence": confidence, "bbox": [0, 0, 1, 1], "polygon": [[0, 0]] * 4}
    return Reply(status, {"results": [line]}, 0.0)


@pytest.mark.parametrize("broken", broken_requests(picture(300, 200)), ids=lambda broken: broken.name)
async def test_broken_request_gets_a_status_that_is_right_for_it(broken: Broken) -> None:
    async with running() as app, client_of(app) as client:
        response = await client.request(broken.method, broken.path, **broken.request)
    assert response.status_code in broken.expected


@pytest.mark.parametrize(
    ("other", "word"),
    [
        (reply(), ""),
        (reply(confidence=0.9001), ""),
        (reply(confidence=0.9003), "confidence"),
        (reply(text="6"), "line 0"),
        (reply(status=500), "status"),
        (Reply(200, {"results": []}, 0.0), "0 lines"),
    ],
)
def test_answers_are_compared_by_text_and_confidence(other: Reply, word: str) -> None:
    found = difference(reply(), other)
    assert word in found
    assert bool(found) == bool(word)


def test_metrics_are_read_without_labelled_samples() -> None:
    text = '# HELP x y\nocrsvc_queue_lines 3.0\nocrsvc_requests_total{status="200"} 7.0\n'
    assert parse_metrics(text) == {"ocrsvc_queue_lines": 3.0}
