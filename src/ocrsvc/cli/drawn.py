"""Pages drawn in code for measuring: an invoice and a dense page. The same at every call, given the same font."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrsvc.cli.fonts import Font

_HAN: Final = (
    "购买方名称纳税人识别号地址电话开户行及账号货物或应税劳务服务规格型号单位数量价金额率合计销售密码区备注收款复核"
)
_LATIN: Final = "Invoice number date buyer seller account amount price rate total tax quantity unit code bank address "
_BLUE: Final = (40, 60, 150)
_INK: Final = (20, 20, 20)

_Face = ImageFont.FreeTypeFont | ImageFont.ImageFont
_Cell = tuple[int, int, int, str]
"""x, y, size and text."""


def invoice_page(font: Font | None) -> bytes:
    """An invoice-like page as PNG: 1400 x 900, some fifty short lines between rules."""
    page = Image.new("RGB", (1400, 900), (252, 252, 250))
    pen = ImageDraw.Draw(page)
    for y in (150, 290, 340, 640, 700, 820):
        pen.line([(60, y), (1340, y)], fill=_BLUE, width=2)
    for x in (60, 700, 1340):
        pen.line([(x, 150), (x, 820)], fill=_BLUE, width=2)
    words = _words(font)
    cells: list[_Cell] = [(520, 40, 40, _cut(words, 0, 8))]
    cells += [(1000, 40 + 34 * n, 22, f"{_cut(words, 10 * n, 4)}: {_number(n, 8 + 4 * n)}") for n in range(3)]
    for n in range(4):
        cells += [(80 + 650 * side, 162 + 31 * n, 20, _pair(words, 3 * n + side, n)) for side in range(2)]
    columns = (80, 340, 480, 600, 720, 860, 1010, 1180)
    cells += [(x, 302, 20, _cut(words, 5 * n, 4)) for n, x in enumerate(columns)]
    for row in range(5):
        y = 356 + 52 * row
        cells += [(80, y, 20, "*" + _cut(words, 7 * row, 9))]
        cells += [(x, y, 20, _amount(8 * row + n)) for n, x in enumerate(columns[1:])]
    cells += [(80, 655, 24, _cut(words, 20, 14)), (1010, 655, 24, f"¥{_amount(99)}")]
    cells += [(80 + 320 * n, 850, 20, f"{_cut(words, 9 * n, 3)}: {_cut(words, n, 3)}") for n in range(4)]
    return _png(page, cells, font)


def dense_page(font: Font | None) -> bytes:
    """A page of print as PNG: A4 at 150 dots an inch (1240 x 1754), 52 full lines in each of two columns."""
    page = Image.new("RGB", (1240, 1754), (255, 255, 255))
    words = _words(font)
    width = 24 if font else 46
    cells = [
        (70 + 570 * column, 80 + 31 * row, 20, _cut(words, 13 * row + 5 * column, width - 4) + _number(row, 4))
        for column in range(2)
        for row in range(52)
    ]
    return _png(page, cells, font)


def digit_lines(count: int, width_px: int, height_px: int) -> list[NDArray[np.uint8]]:
    """Lines of digits as [height_px, width_px] uint8 grey, each different: for measuring the recogniser alone."""
    face = ImageFont.load_default(height_px * 0.8)
    lines = []
    for number in range(count):
        picture = Image.new("L", (width_px, height_px), 250)
        ImageDraw.Draw(picture).text((2, 0), _number(number, 60), font=face, fill=20)
        lines.append(np.array(picture, dtype=np.uint8))
    return lines


def _words(font: Font | None) -> str:
    return _HAN if font else _LATIN


def _png(page: Image.Image, cells: Sequence[_Cell], font: Font | None) -> bytes:
    pen = ImageDraw.Draw(page)
    faces: dict[int, _Face] = {}
    for x, y, size_px, text in cells:
        if size_px not in faces:
            faces[size_px] = font.at(size_px) if font else ImageFont.load_default(size_px)
        pen.text((x, y), text, font=faces[size_px], fill=_INK)
    buffer = io.BytesIO()
    page.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def _cut(words: str, start: int, length: int) -> str:
    return "".join(words[(start + n) % len(words)] for n in range(length)).strip()


def _number(seed: int, length: int) -> str:
    return "".join(str((7 * seed + n * n * 3 + n) % 10) for n in range(length))


def _amount(seed: int) -> str:
    return f"{(seed * 7919) % 90000 + 100:,}.{seed * 37 % 100:02d}"


def _pair(words: str, start: int, seed: int) -> str:
    return f"{_cut(words, start, 4)}: {_number(seed + start, 18)}"
