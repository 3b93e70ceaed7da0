from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from ocrsvc.cli import overlay
from ocrsvc.cli.fonts import find_font
from ocrsvc.cli.overlay import confidence_colour, draw_overlay, overlay_path
from ocrsvc.imaging.geometry import box_quad
from ocrsvc.imaging.page import Page
from ocrsvc.reader import PageReading, ReadLine, StageTimes


class PlainFont:
    """Pillow's own face, so that no system font is needed; it lacks Chinese, which only shows as boxes."""

    def at(self, size_px: int) -> object:
        return ImageFont.load_default(size_px)


def page_with(confidence: float, size: tuple[int, int] = (1000, 600)) -> tuple[Page, PageReading]:
    width, height = size
    page = Page(np.full((height, width, 3), 255, dtype=np.uint8))
    line = ReadLine("12.50", confidence, box_quad(100, 100, 300, 140), ())
    return page, PageReading((line,), width, height, 0, StageTimes())


def has_colour(picture: Image.Image, colour: tuple[int, int, int]) -> bool:
    return bool((np.asarray(picture) == colour).all(axis=2).any())


@pytest.mark.parametrize("confidence", [0.99, 0.9, 0.3])
def test_box_has_the_colour_of_its_confidence(confidence: float) -> None:
    picture = draw_overlay(*page_with(confidence), font=None)
    assert picture.size == (1000, 600)
    assert tuple(np.asarray(picture)[120, 100]) == confidence_colour(confidence)


def test_three_confidences_have_three_colours() -> None:
    assert len({confidence_colour(confidence) for confidence in (0.99, 0.9, 0.3)}) == 3


def test_text_stands_beside_the_picture_at_its_lines_place() -> None:
    picture = draw_overlay(*page_with(0.99), font=PlainFont())  # type: ignore[arg-type]  # stands in for a font
    assert picture.width == 2004
    assert has_colour(picture.crop((1104, 100, 1304, 140)), confidence_colour(0.99))
    assert not has_colour(picture.crop((1010, 200, 2004, 600)), confidence_colour(0.99))


def test_turned_line_is_written_inside_its_quad() -> None:
    page, _ = page_with(0.99)
    quad = np.array([[400, 100], [400, 500], [360, 500], [360, 100]], dtype=np.float32)
    turned = ReadLine("1234567890123456", 0.99, quad, ())
    picture = draw_overlay(page, PageReading((turned,), 1000, 600, 0, StageTimes()), PlainFont())  # type: ignore[arg-type]
    beside = np.asarray(picture.crop((1004, 0, 2004, 600)))
    rows, columns = np.nonzero((beside != 255).any(axis=2))
    assert 340 <= columns.min() < columns.max() <= 420
    assert rows.max() - rows.min() > 250


def test_large_page_is_shrunk() -> None:
    assert max(draw_overlay(*page_with(0.9, (6000, 1000)), font=None).size) == overlay._MOST_PX


def test_pictures_of_one_name_get_overlays_of_their_own() -> None:
    taken: set[Path] = set()
    paths = [overlay_path(Path("out"), Path("a.png"), taken) for _ in range(3)]
    assert len(set(paths)) == 3
    assert paths[0] == Path("out/a.png.overlay.png")


def test_overlay_never_leaves_its_folder() -> None:
    assert overlay_path(Path("out"), Path("../../a.png"), set()) == Path("out/a.png.overlay.png")


def test_file_that_is_no_font_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "font.ttf"
    path.write_bytes(b"no font")
    assert find_font(path) is None
    assert find_font(tmp_path / "absent.ttf") is None
