"""A page's reading as the JSON that clients get."""

from __future__ import annotations

import json
from typing import Any

from ocrsvc.api.options import OcrOptions
from ocrsvc.imaging.geometry import bounding_box, sub_quad
from ocrsvc.imaging.page import Quad
from ocrsvc.reader import PageReading, ReadLine, StageTimes
from ocrsvc.recognition.ctc import CharReading


def to_json(value: Any) -> bytes:
    """Encode as compact UTF-8 JSON; NaN and infinity are refused, as JSON has none."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def render_results(reading: PageReading, options: OcrOptions) -> bytes:
    """JSON array of a page's lines; coordinates are whole pixels of the uploaded picture, clipped to it."""
    return to_json([_line(line, reading, options) for line in reading.lines])


def render_timings(timings: StageTimes) -> dict[str, float]:
    """Seconds of each stage, by the names that clients know."""
    return {
        "decode": round(timings.decode_s, 4),
        "detect": round(timings.detect_s, 4),
        "queue": round(timings.queue_s, 4),
        "recognise": round(timings.recognise_s, 4),
    }


def _line(line: ReadLine, reading: PageReading, options: OcrOptions) -> dict[str, Any]:
    result: dict[str, Any] = {"text": line.text}
    if options.return_confidence:
        result["confidence"] = round(line.confidence, 4)
    result["bbox"] = _box(line.quad, reading)
    result["polygon"] = _polygon(line.quad, reading)
    if options.return_chars:
        result["chars"] = [_char(char, line.quad, reading, options) for char in line.chars]
    return result


def _char(char: CharReading, quad: Quad, reading: PageReading, options: OcrOptions) -> dict[str, Any]:
    place = sub_quad(quad, char.start, char.end)
    result: dict[str, Any] = {"text": char.text, "bbox": _box(place, reading), "polygon": _polygon(place, reading)}
    if options.return_confidence:
        result["confidence"] = round(char.confidence, 4)
        result["alternatives"] = [{"text": text, "confidence": round(p, 4)} for text, p in char.alternatives]
    else:
        result["alternatives"] = [{"text": text} for text, _ in char.alternatives]
    return result


def _box(quad: Quad, reading: PageReading) -> list[int]:
    return list(bounding_box(quad, reading.width_px, reading.height_px))


def _polygon(quad: Quad, reading: PageReading) -> list[list[int]]:
    right, bottom = reading.width_px, reading.height_px
    return [[min(max(round(float(x)), 0), right), min(max(round(float(y)), 0), bottom)] for x, y in quad]
