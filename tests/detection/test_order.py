from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrsvc.detection.order import order_lines
from ocrsvc.detection.protocol import LineQuad
from ocrsvc.imaging.geometry import box_quad


def line(x: float, y: float, width: float = 100, height: float = 20) -> LineQuad:
    return LineQuad(box_quad(x, y, x + width, y + height), 1.0)


def corners(lines: list[LineQuad]) -> list[tuple[float, float]]:
    return [(float(one.quad[0, 0]), float(one.quad[0, 1])) for one in lines]


def test_rows_come_from_the_top_and_each_from_the_left() -> None:
    lines = [line(300, 50), line(0, 100), line(0, 52), line(150, 48), line(300, 103)]
    assert corners(order_lines(lines)) == [(0, 52), (150, 48), (300, 50), (0, 100), (300, 103)]


def test_a_taller_line_shares_the_row_of_its_middle() -> None:
    assert corners(order_lines([line(200, 40, height=14), line(0, 36, height=24)])) == [(0, 36), (200, 40)]


def test_slanted_rows_stay_rows() -> None:
    lines = []
    for row in range(4):
        for column in range(3):
            x, y = 300.0 * column, 40.0 * row
            quad = box_quad(x, y, x + 200, y + 20)
            quad[:, 1] += 0.05 * quad[:, 0]
            lines.append(LineQuad(quad, 1.0))
    shuffled = [lines[k] for k in np.random.default_rng(0).permutation(12)]
    assert order_lines(shuffled) == lines


def test_two_columns_of_running_text_are_read_one_after_the_other() -> None:
    title, foot = line(100, 0, 600), line(300, 400, 250)
    first = [line(0, 40 + 30 * k, 380 if k != 4 else 120) for k in range(10)]
    second = [line(420, 41 + 30 * k, 380) for k in range(10)]
    mixed = [foot, *(one for pair in zip(second, first, strict=True) for one in pair), title]
    assert order_lines(mixed) == [title, *first, *second, foot]


def test_labels_and_values_in_two_columns_stay_rows() -> None:
    pairs = [(line(0, 40 * k, 60 + 25 * (k % 3)), line(400, 40 * k, 80 + 60 * (k % 4))) for k in range(10)]
    values_first = [one for label, value in pairs for one in (value, label)]
    assert order_lines(values_first) == [one for pair in pairs for one in pair]


def test_nothing_to_order_is_fine() -> None:
    assert order_lines([]) == []


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 900), st.floats(0, 900), st.floats(1, 300), st.floats(1, 60)), max_size=40))
def test_ordering_keeps_every_line_once(boxes: list[tuple[float, float, float, float]]) -> None:
    lines = [line(*box) for box in boxes]
    ordered = order_lines(lines)
    assert sorted(map(id, ordered)) == sorted(map(id, lines))
