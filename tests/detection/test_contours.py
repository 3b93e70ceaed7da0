from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from ocrsvc.detection.contours import WORK_PIXELS, ContourDetector, _work_scale
from ocrsvc.detection.protocol import Detector, LineQuad
from ocrsvc.imaging.page import Page

from .sheets import Box, Sheet

BLACK, WHITE, RED, BLUE = (0, 0, 0), (255, 255, 255), (190, 30, 30), (20, 40, 150)
DETECTOR: Detector = ContourDetector()


def box_of(line: LineQuad) -> tuple[float, float, float, float]:
    (x0, y0), (x1, y1) = line.quad.min(axis=0), line.quad.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def fits(line: LineQuad, box: Box) -> bool:
    """Whether a quad holds a box with a small margin: at most a quarter of its height on any side."""
    got, most = box_of(line), 0.25 * (box[3] - box[1]) + 2
    outward = (box[0] - got[0], box[1] - got[1], got[2] - box[2], got[3] - box[3])
    return all(-1 <= margin <= most for margin in outward)


def assert_finds(sheet: Sheet) -> None:
    lines = DETECTOR.detect(sheet.page())
    missing = [box for box in sheet.boxes if not any(fits(line, box) for line in lines)]
    assert not missing, [box_of(line) for line in lines]
    assert len(lines) == len(sheet.boxes)


def test_lines_of_several_sizes_are_found_with_a_small_margin() -> None:
    sheet = Sheet()
    sheet.line(200, 30, 9, size=40)
    for row, size in enumerate((12, 16, 20, 24)):
        sheet.line(60, 120 + 60 * row, 22, size=size)
    assert_finds(sheet)


@pytest.mark.parametrize(("paper", "ink"), [(WHITE, RED), (WHITE, BLUE), ((253, 250, 240), (150, 150, 150))])
def test_coloured_and_faint_text_is_found(paper: tuple[int, int, int], ink: tuple[int, int, int]) -> None:
    sheet = Sheet(paper=paper)
    sheet.line(60, 100, 12, ink=ink)
    sheet.line(60, 160, 5, ink=BLACK)
    assert_finds(sheet)


def test_light_text_on_a_dark_page_is_found() -> None:
    sheet = Sheet(paper=(30, 30, 60))
    for row in range(4):
        sheet.line(60, 60 + 50 * row, 15, ink=WHITE)
    assert_finds(sheet)


def test_a_light_line_on_a_dark_panel_stands_beside_dark_text() -> None:
    sheet = Sheet()
    sheet.line(60, 60, 15)
    sheet.fill((0, 200, 900, 300), (20, 60, 120))
    sheet.line(60, 240, 15, ink=WHITE)
    assert_finds(sheet)


def test_rules_are_no_text_and_part_cells() -> None:
    sheet = Sheet()
    for y in (80, 120, 160):
        sheet.rule((50, y), (850, y))
    for x in (50, 300, 560, 850):
        sheet.rule((x, 80), (x, 160))
    for y in (90, 130):
        sheet.line(190, y, 5)
        sheet.line(312, y, 11)
        sheet.line(700, y, 1)
    assert_finds(sheet)


def test_gaps_up_to_one_character_join_and_wide_gaps_part() -> None:
    sheet = Sheet()
    sheet.line(60, 60, 4)
    sheet.line(60 + 88 + 12, 60, 4)
    sheet.boxes = [(60, 60, 246, 80)]
    sheet.line(300, 60, 4)
    assert_finds(sheet)


def test_a_label_spaced_out_to_the_width_of_the_next_is_one_line() -> None:
    sheet = Sheet()
    sheet.line(60, 60, 1)
    last = sheet.line(60 + 5 * 22, 60, 1)
    sheet.boxes = [(60, 60, last[2], 80)]
    sheet.line(60, 95, 6)
    sheet.line(300, 60, 1)
    sheet.line(410, 60, 1)
    assert_finds(sheet)


def test_characters_one_under_another_stay_single() -> None:
    sheet = Sheet()
    for k in range(4):
        sheet.line(60, 60 + 34 * k, 1)
    sheet.line(120, 70, 12)
    assert_finds(sheet)


def test_small_punctuation_stays_with_its_line() -> None:
    sheet = Sheet()
    sheet.line(60, 60, 8)
    sheet.fill((237, 76, 240, 82), BLACK)  # a comma after the last character
    sheet.line(260, 60, 4)
    sheet.fill((352, 69, 362, 71), BLACK)  # a dash
    sheet.line(368, 60, 3)
    sheet.boxes = [(60, 60, 432, 80)]
    assert_finds(sheet)


def test_a_flat_character_in_a_cell_of_its_own_is_given_a_character_height() -> None:
    sheet = Sheet()
    sheet.line(60, 60, 12)
    sheet.fill((400, 62, 412, 64), BLACK)
    sheet.fill((396, 74, 416, 76), BLACK)
    lines = DETECTOR.detect(sheet.page())
    assert len(lines) == 2
    assert 14 <= box_of(lines[1])[3] - box_of(lines[1])[1] <= 26


@pytest.mark.parametrize("degrees", [-4.0, -1.5, 2.0, 5.0])
def test_slanted_lines_get_slanted_quads(degrees: float) -> None:
    sheet = Sheet()
    for row in range(6):
        sheet.line(120, 120 + 60 * row, 28)
    lines = DETECTOR.detect(sheet.turned(degrees))
    assert len(lines) == 6
    for line in lines:
        along = line.quad[1] - line.quad[0]
        assert np.degrees(np.arctan2(along[1], along[0])) == pytest.approx(degrees, abs=0.4)
        assert np.linalg.norm(line.quad[3] - line.quad[0]) < 30


def test_uneven_light_hides_nothing() -> None:
    sheet = Sheet()
    for row in range(8):
        sheet.line(60, 60 + 60 * row, 30)
    light = np.linspace(0.35, 1.0, 900)[None, :, None]
    sheet.pixels = (sheet.pixels * light).astype(np.uint8)
    assert_finds(sheet)


def test_a_code_of_squares_is_no_text() -> None:
    sheet = Sheet()
    cells = np.random.default_rng(3).integers(0, 2, (29, 29), dtype=np.uint8) * 255
    sheet.pixels[60:176, 60:176] = cv2.resize(cells, (116, 116), interpolation=cv2.INTER_NEAREST)[:, :, None]
    sheet.line(260, 100, 12)
    assert_finds(sheet)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 30_000), (30_000, 1), (3, 3), (40, 40), (900, 600)])
def test_blank_pictures_have_no_lines(width: int, height: int) -> None:
    assert DETECTOR.detect(Page(np.full((height, width, 3), 240, dtype=np.uint8))) == []


def test_noise_has_no_lines() -> None:
    noise = np.random.default_rng(0).normal(128, 40, (400, 600, 3)).clip(0, 255).astype(np.uint8)
    assert DETECTOR.detect(Page(noise)) == []


@pytest.mark.parametrize("share", [0.5, 0.2, 0.1])
def test_specks_all_over_a_picture_are_no_lines(share: float) -> None:
    specks = np.random.default_rng(0).random((600, 800, 1)) < share
    assert DETECTOR.detect(Page(np.repeat(np.where(specks, 0, 255).astype(np.uint8), 3, axis=2))) == []


def test_a_grid_of_single_characters_is_kept() -> None:
    sheet = Sheet()
    for row in range(10):
        for column in range(12):
            sheet.line(60 + 60 * column, 40 + 50 * row, 1)
    assert_finds(sheet)


@pytest.mark.parametrize("size", [9, 13, 24])
def test_a_picture_of_one_line_is_found_whole(size: int) -> None:
    sheet = Sheet(width=round(size * 1.1 * 10) + 4, height=size + 4)
    sheet.line(2, 2, 10, size=size)
    lines = DETECTOR.detect(sheet.page())
    assert len(lines) == 1
    x0, y0, x1, y1 = box_of(lines[0])
    assert x0 <= 3
    assert y0 <= 3
    assert x1 >= sheet.width - 4
    assert y1 >= size


def test_large_text_is_found_whole() -> None:
    sheet = Sheet(width=1600, height=700)
    sheet.line(100, 60, 7, size=190)
    for row in range(4):
        sheet.line(100, 360 + 60 * row, 30)
    assert_finds(sheet)


def test_a_large_page_is_looked_at_scaled_and_answered_in_its_own_pixels() -> None:
    sheet = Sheet(width=3000, height=2200)
    for row in range(10):
        sheet.line(200, 200 + 180 * row, 30, size=44)
    assert_finds(sheet)


def test_lines_come_in_reading_order() -> None:
    sheet = Sheet()
    sheet.line(500, 62, 6)
    sheet.line(60, 60, 6)
    sheet.line(60, 120, 6)
    left_to_right = [box_of(line)[0] for line in DETECTOR.detect(sheet.page())]
    assert left_to_right == sorted(left_to_right[:2]) + left_to_right[2:]


def test_threads_may_share_a_detector() -> None:
    pages = []
    for k in range(8):
        sheet = Sheet()
        sheet.line(60, 60 + 20 * k, 5 + k)
        pages.append(sheet.page())
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(DETECTOR.detect, pages))
    for lines, page in zip(together, pages, strict=True):
        assert np.array_equal(lines[0].quad, DETECTOR.detect(page)[0].quad)


@pytest.mark.parametrize("size", [(1_000_000, 5), (5, 1_000_000), (1_600_000, 60), (10_000, 10_000), (2000, 1500)])
def test_no_page_is_looked_at_larger_than_the_work_size(size: tuple[int, int]) -> None:
    scale = _work_scale(*size)
    assert size[0] * size[1] * scale**2 <= WORK_PIXELS * 1.001


@pytest.mark.parametrize(
    ("size", "scale"), [((400, 14), 4.0), ((1500, 28), 2.0), ((40_000, 56), 1.0), ((300, 200), 1.0)]
)
def test_low_pictures_are_looked_at_enlarged(size: tuple[int, int], scale: float) -> None:
    assert _work_scale(*size) == pytest.approx(scale)
