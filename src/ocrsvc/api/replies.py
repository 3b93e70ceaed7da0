"""Answers put together: what was read, and what is this request's own."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from ocrsvc.api.answers import Answer
from ocrsvc.api.context import RequestRecord
from ocrsvc.api.failures import error_body
from ocrsvc.api.render import render_timings, to_json
from ocrsvc.errors import Internal, OcrError
from ocrsvc.logs import log_fault


def ocr_reply(answer: Answer, record: RequestRecord, model: str) -> Response:
    """Build the answer of POST /ocr."""
    timings = render_timings(answer.timings)
    record.fields.update(
        width_px=answer.width_px,
        height_px=answer.height_px,
        lines=answer.lines,
        source=answer.source.value,
        stages=timings,
    )
    body = b'{"success":true,"results":%b,"total_time":%b,"request_id":%b,"image":%b,"model":%b,"timings":%b}' % (
        answer.results,
        _elapsed(record),
        to_json(record.request_id),
        _image(answer),
        to_json(model),
        to_json(timings),
    )
    return _json(body)


def batch_reply(outcomes: Sequence[Answer | Exception], record: RequestRecord, model: str) -> Response:
    """Build the answer of POST /ocr/batch: one entry per picture, in order."""
    answers = [outcome for outcome in outcomes if isinstance(outcome, Answer)]
    record.fields.update(
        pictures=len(outcomes), failed=len(outcomes) - len(answers), lines=sum(answer.lines for answer in answers)
    )
    entries = b",".join(_entry(outcome, record) for outcome in outcomes)
    body = b'{"success":true,"images":[%b],"total_time":%b,"request_id":%b,"model":%b}' % (
        entries,
        _elapsed(record),
        to_json(record.request_id),
        to_json(model),
    )
    return _json(body)


def _entry(outcome: Answer | Exception, record: RequestRecord) -> bytes:
    if isinstance(outcome, Answer):
        timings = to_json(render_timings(outcome.timings))
        return b'{"success":true,"results":%b,"image":%b,"timings":%b}' % (outcome.results, _image(outcome), timings)
    if not isinstance(outcome, OcrError):
        log_fault(outcome, record.request_id)
    failure = outcome if isinstance(outcome, OcrError) else Internal()
    return to_json({"success": False, "error": error_body(failure)})


def _image(answer: Answer) -> bytes:
    return to_json({"width": answer.width_px, "height": answer.height_px, "rotation": answer.rotation})


def _elapsed(record: RequestRecord) -> bytes:
    return to_json(round(record.elapsed_s, 4))


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
