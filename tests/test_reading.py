"""The shipped model and detector together, on a picture that this repository draws."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from ocrsvc.engine import open_engine
from ocrsvc.reader import PageReading, ReadOptions
from ocrsvc.settings import Settings
from scripts.draw_sample import LABELS, VALUES

pytestmark = [pytest.mark.anyio, pytest.mark.model]

SAMPLE = Path(__file__).resolve().parents[1] / "docs" / "samples" / "invoice.png"


def plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


async def read_sample(options: ReadOptions) -> PageReading:
    async with open_engine(Settings()) as engine:
        return await engine.reader.read(SAMPLE.read_bytes(), options)


async def test_the_sample_invoice_is_read_in_full() -> None:
    page = await read_sample(ReadOptions())
    everything = [plain(line.text) for line in page.lines]
    wanted = [plain(entry[3]) for entry in (*LABELS, *VALUES)]
    missing = [text for text in wanted if not any(text in line for line in everything) and text != "合计"]
    assert missing == []
    assert {"合", "计"} <= set(everything) or "合计" in everything
    assert len(everything) <= len(wanted) + 2


async def test_lines_stand_where_they_were_drawn() -> None:
    page = await read_sample(ReadOptions())
    corners = [(plain(line.text), *line.quad[0].tolist()) for line in page.lines]
    own_lines = [value for value in VALUES if any(text == plain(value[3]) for text, _, _ in corners)]
    assert len(own_lines) >= 0.7 * len(VALUES)  # others share a box with their label
    for x, y, _, value in own_lines:
        assert any(text == plain(value) and abs(left - x) < 16 and abs(top - y) < 16 for text, left, top in corners)


async def test_half_the_height_still_reads_the_amounts() -> None:
    page = await read_sample(ReadOptions(resize_height_px=24))
    everything = {plain(line.text) for line in page.lines}
    assert {"¥1000.00", "¥130.00", "¥1130.00"} <= everything
