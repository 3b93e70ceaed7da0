"""Overlays: a copy of the picture with every line's box, and beside it the texts where they were read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ocrsvc.cli.fonts import Font
from ocrsvc.imaging.geometry import quad_size
from ocrsvc.imaging.page import Page, Quad
from ocrsvc.reader import PageReading, ReadLine

Colour = tuple[int, int, int]

SURE: Final = 0.95
DOUBTFUL: Final = 0.8
LEGEND: Final = f"green: confidence from {SURE}, orange: from {DOUBTFUL}, red: below"

_GREEN: Final = (0, 150, 60)
_ORANGE: Final = (225, 130, 0)
_RED: Final = (215, 0, 40)
_WHITE: Final = (255, 255, 255)
_GREY: Final = (128, 128, 128)
_FIGURE_PX: Final = 11
_LEAST_PX: Final = 900
_MOST_PX: Final = 3000
_LEVEL_RAD: Final = math.radians(2)


def confidence_colour(confidence: float) -> Colour:
    """Green, orange or red."""
    if confidence >= SURE:
        return _GREEN
    return _ORANGE if confidence >= DOUBTFUL else _RED


def overlay_path(folder: Path, relative: Path, taken: set[Path]) -> Path:
    """Where a picture's overlay goes: under its own name, numbered where two pictures share it.

    Args:
        folder: of the overlays.
        relative: the picture's name, or its place below a folder that was named.
        taken: paths given so far; the new one is added.
    """
    inside = Path(*(part for part in relative.parts if part not in ("..", relative.anchor)))
    number = 1
    path = folder / inside.with_name(f"{inside.name}.overlay.png")
    while path in taken:
        number += 1
        path = folder / inside.with_name(f"{inside.name}.{number}.overlay.png")
    taken.add(path)
    return path


def write_overlay(page: Page, reading: PageReading, font: Font | None, path: Path) -> None:
    """Draw an overlay and write it as PNG, with the folders that it needs.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draw_overlay(page, reading, font).save(path, "PNG", compress_level=3)


def draw_overlay(page: Page, reading: PageReading, font: Font | None) -> Image.Image:
    """The picture with boxes coloured by confidence; beside it, with a font, each text at its line's place and size.

    Without a font the confidences stand on the boxes instead. Large pictures are shrunk, small ones enlarged.
    """
    longer = max(page.width_px, page.height_px)
    scale = min(_MOST_PX / longer, max(1.0, min(4.0, _LEAST_PX / longer)))
    size = (max(1, round(page.width_px * scale)), max(1, round(page.height_px * scale)))
    boxed = Image.fromarray(page.pixels).resize(size)
    _draw_boxes(boxed, reading, scale, with_confidence=font is None)
    if font is None:
        return boxed
    sheet = Image.new("RGB", (2 * size[0] + 4, size[1]), _GREY)
    sheet.paste(boxed, (0, 0))
    sheet.paste(_texts(size, reading, font, scale), (size[0] + 4, 0))
    return sheet


def _draw_boxes(picture: Image.Image, reading: PageReading, scale: float, with_confidence: bool) -> None:
    pen = ImageDraw.Draw(picture)
    width = 2 if scale >= 1 or max(picture.size) > 1500 else 1
    for line in reading.lines:
        colour = confidence_colour(line.confidence)
        corners = [(float(x), float(y)) for x, y in line.quad * scale]
        pen.line([*corners, corners[0]], fill=colour, width=width)
        if with_confidence:
            x, y = corners[0]
            pen.text((x, max(0.0, y - 12)), f"{line.confidence:.2f}", fill=colour)


def _texts(size: tuple[int, int], reading: PageReading, font: Font, scale: float) -> Image.Image:
    sheet = Image.new("RGB", size, _WHITE)
    fonts: dict[int, ImageFont.FreeTypeFont] = {}
    for line in reading.lines:
        _write(sheet, line, font, fonts, scale)
    return sheet


def _write(
    sheet: Image.Image, line: ReadLine, font: Font, fonts: dict[int, ImageFont.FreeTypeFont], scale: float
) -> None:
    """Write a line's text into its quad, as high as it or as low as its length asks for; doubts get their figure."""
    quad = line.quad * scale
    across, down = quad_size(quad)
    size_px = max(7, round(down))
    length = fonts.setdefault(size_px, font.at(size_px)).getlength(line.text)
    size_px = max(7, round(size_px * min(1.0, across / max(1.0, length))))
    face = fonts.setdefault(size_px, font.at(size_px))
    strip = Image.new("L", (max(1, math.ceil(across)), max(1, round(1.5 * size_px))), 0)
    ImageDraw.Draw(strip).text((0, strip.height / 2), line.text, font=face, fill=255, anchor="lm")
    angle = _angle(quad)
    if abs(angle) > _LEVEL_RAD:
        strip = strip.rotate(-math.degrees(angle), expand=True)
    x, y = (float(value) for value in quad.mean(axis=0))
    corner = (round(x - strip.width / 2), round(y - strip.height / 2))
    colour = confidence_colour(line.confidence)
    sheet.paste(Image.new("RGB", strip.size, colour), corner, strip)
    if line.confidence < SURE:
        small = fonts.setdefault(_FIGURE_PX, font.at(_FIGURE_PX))
        end = (corner[0] + strip.width + 2, y)
        ImageDraw.Draw(sheet).text(end, f"{line.confidence:.2f}", font=small, fill=colour, anchor="lm")


def _angle(quad: Quad) -> float:
    """Direction of the text, radians clockwise from level."""
    along = np.asarray(quad[1], dtype=np.float64) - np.asarray(quad[0], dtype=np.float64)
    return math.atan2(float(along[1]), float(along[0]))
