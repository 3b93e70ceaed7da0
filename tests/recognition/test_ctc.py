from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrsvc.recognition.charset import Charset
from ocrsvc.recognition.ctc import LineText, decode_top3

CHARSET = Charset(("a", "b", "c", " "))


def read(
    path: str,
    probs: list[float] | None = None,
    *,
    others: dict[int, str] | None = None,
    width_px: int | None = None,
) -> LineText:
    """Decode a best path written one step a character, `.` for the blank; `others` are second and third classes."""
    classes = {".": 0, "a": 1, "b": 2, "c": 3, "_": 4}
    ids = np.zeros((len(path), 3), dtype=np.int64)
    ids[:, 0] = [classes[step] for step in path]
    ids[:, 1:] = np.where(ids[:, :1] == 0, [1, 2], 0)
    probabilities = np.zeros((len(path), 3), dtype=np.float32)
    probabilities[:, 0] = probs or 0.9
    probabilities[:, 1:] = (0.05, 0.01)
    for step, texts in (others or {}).items():
        ids[step, 1:] = [classes[text] for text in texts]
    return decode_top3(ids, probabilities, CHARSET, 4, width_px or 4 * len(path))


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("....", "", "nothing but blanks"),
        ("", "", "no steps"),
        ("a", "a", "one step"),
        ("aaa", "a", "repeats are one character"),
        ("a.a", "aa", "a blank between makes two"),
        ("ab", "ab", "no blank needed between different characters"),
        (".a.b.", "ab", "blanks at the ends"),
        ("_a_", "a", "spaces at the ends"),
        ("___", "", "spaces alone"),
        ("a_b", "a b", "a space within"),
        ("a_._b", "a b", "a run of spaces is one"),
        ("_._a._._", "a", "runs of spaces at the ends"),
    ],
)
def test_the_best_path_is_merged(path: str, text: str, reason: str) -> None:
    line = read(path)
    assert line.text == text, reason
    assert "".join(char.text for char in line.chars) == text


def test_a_line_without_text_has_no_confidence() -> None:
    assert read("...") == LineText("", 0.0, ())


def test_confidence_is_the_geometric_mean_of_the_characters_highest_steps() -> None:
    line = read(".aa.b", [1.0, 0.4, 0.9, 0.2, 0.4])
    assert [char.confidence for char in line.chars] == pytest.approx([0.9, 0.4])
    assert line.confidence == pytest.approx(math.sqrt(0.9 * 0.4))


def test_blanks_do_not_count_in_the_confidence() -> None:
    assert read("a.", [0.9, 0.1]).confidence == pytest.approx(0.9)


def test_a_probability_just_above_one_is_cut() -> None:
    assert read("a", [1.0000001]).confidence == 1.0


def test_steps_over_the_padding_are_not_read_but_for_one() -> None:
    assert read("a..bc", width_px=9).text == "ab"
    assert read("a..bc", width_px=13).text == "abc"


def test_a_character_that_fires_a_step_late_ends_with_the_line() -> None:
    line = read("a..b", width_px=12)
    assert line.text == "ab"
    assert line.chars[-1].end == 1.0
    assert line.chars[-1].start < 1.0


def test_a_single_character_spans_its_line() -> None:
    (char,) = read("..a..").chars
    assert (char.start, char.end) == (0.0, 1.0)


def test_even_characters_meet_half_way() -> None:
    spans = [(char.start, char.end) for char in read(".a..b..a.").chars]
    assert spans == [pytest.approx((n / 3, (n + 1) / 3)) for n in range(3)]


def test_a_character_before_a_wide_gap_does_not_fill_it() -> None:
    first, second, third = read("a.b......................c").chars
    assert second.end - second.start < 2 * (first.end - first.start)
    assert second.end < third.start


def test_a_space_spans_what_its_neighbours_leave() -> None:
    _, before, space, after, _ = read("a.b...._....b.a").chars
    assert space.text == " "
    assert (space.start, space.end) == (before.end, after.start)


def rounded(line: LineText, index: int) -> list[tuple[str, float]]:
    return [(text, round(probability, 4)) for text, probability in line.chars[index].alternatives]


def test_other_readings_leave_the_blank_out() -> None:
    line = read("a..b", others={0: "b.", 3: ".c"})
    assert rounded(line, 0) == [("b", 0.05)]
    assert rounded(line, 1) == [("c", 0.01)]


def test_other_readings_are_the_best_two_over_the_run() -> None:
    ids = np.array([[1, 2, 3], [1, 4, 2]])
    probs = np.array([[0.6, 0.2, 0.1], [0.5, 0.3, 0.15]], dtype=np.float32)
    line = decode_top3(ids, probs, CHARSET, 4, 8)
    assert rounded(line, 0) == [(" ", 0.3), ("b", 0.2)]


def test_a_class_outside_the_charset_is_an_error() -> None:
    with pytest.raises(IndexError):
        decode_top3(np.full((1, 3), 9), np.ones((1, 3), dtype=np.float32), CHARSET, 4, 4)


@given(st.text(alphabet=".abc_", max_size=60), st.integers(1, 240))
def test_spans_stay_in_the_line_in_order(path: str, width_px: int) -> None:
    line = read(path, width_px=width_px)
    assert all(0.0 <= char.start <= char.end <= 1.0 for char in line.chars)
    assert all(left.end <= right.start + 1e-9 for left, right in pairwise(line.chars))
    assert line.text == line.text.strip()
    assert "  " not in line.text
    assert 0.0 <= line.confidence <= 1.0
