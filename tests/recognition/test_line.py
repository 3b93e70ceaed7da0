from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrsvc.recognition.line import (
    LineCrop,
    border_colour,
    bucket_width_px,
    pad_lines,
    prepare_line,
    split_wide,
)


def grey(width_px: int, height_px: int = 32, colour: int = 255) -> LineCrop:
    return LineCrop(np.full((height_px, width_px), colour, dtype=np.uint8))


@pytest.mark.parametrize(
    ("width_px", "bucket_px"),
    [
        (1, 32),
        (32, 32),
        (33, 64),
        (640, 640),
        (641, 704),
        (1280, 1280),
        (1281, 1408),
        (2560, 2560),
        (2561, 2688),
    ],
)
def test_a_bucket_is_the_next_multiple_of_its_range(width_px: int, bucket_px: int) -> None:
    assert bucket_width_px(width_px) == bucket_px


@given(st.integers(1, 20_000))
def test_a_bucket_is_a_bucket_of_itself_and_holds_its_line(width_px: int) -> None:
    bucket = bucket_width_px(width_px)
    assert bucket >= width_px
    assert bucket_width_px(bucket) == bucket
    assert bucket % 32 == 0


def test_a_line_without_width_has_no_bucket() -> None:
    with pytest.raises(ValueError, match="at least 1 pixel"):
        bucket_width_px(0)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((32, 8), dtype=np.float32),
        np.zeros((32, 8, 3), dtype=np.uint8),
        np.zeros((32, 0), dtype=np.uint8),
    ],
)
def test_a_crop_that_is_no_grey_line_is_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a line is"):
        LineCrop(pixels)


def test_a_line_is_scaled_to_the_models_height_with_its_aspect_kept() -> None:
    line = prepare_line(np.zeros((64, 400), dtype=np.uint8), 32, 32)
    assert (line.height_px, line.width_px) == (32, 200)


def test_a_lower_resize_height_loses_detail_for_good() -> None:
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), (32, 100))
    assert prepare_line(stripes, 32, 32).pixels.std() > 100
    assert prepare_line(stripes, 16, 32).pixels.std() < 10


def test_a_crop_of_one_pixel_becomes_a_line() -> None:
    line = prepare_line(np.full((1, 1), 7, dtype=np.uint8), 32, 32)
    assert line.pixels.shape == (32, 32)
    assert (line.pixels == 7).all()


def test_a_tall_thin_crop_keeps_one_column() -> None:
    assert prepare_line(np.zeros((500, 1), dtype=np.uint8), 32, 32).width_px == 1


def test_a_prepared_line_keeps_no_page_alive() -> None:
    page = np.zeros((100, 400), dtype=np.uint8)
    line = prepare_line(page[10:42, 5:300], 32, 32)
    assert line.pixels.base is None
    assert line.pixels.flags.c_contiguous


def test_the_border_colour_is_the_median_of_the_outermost_pixels() -> None:
    pixels = np.full((5, 5), 200, dtype=np.uint8)
    pixels[1:-1, 1:-1] = 0
    pixels[0, :3] = 90
    assert border_colour(pixels) == 200


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_a_crop_with_no_inside_has_a_border_colour(shape: tuple[int, int]) -> None:
    assert border_colour(np.full(shape, 42, dtype=np.uint8)) == 42


def test_lines_are_padded_on_the_right_with_their_own_colour() -> None:
    batch = pad_lines([grey(70, colour=250), grey(96, colour=30)])
    assert batch.shape == (2, 32, 96)
    assert batch.dtype == np.uint8
    assert batch.flags.c_contiguous
    assert (batch[0] == 250).all()
    assert (batch[1] == 30).all()


def test_padding_leaves_the_line_as_it_is() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (32, 75), dtype=np.uint8)
    assert (pad_lines([LineCrop(pixels)])[0, :, :75] == pixels).all()


@pytest.mark.parametrize("lines", [[], [grey(32), grey(33)], [grey(40), grey(40, height_px=48)]])
def test_a_batch_of_several_shapes_is_refused(lines: list[LineCrop]) -> None:
    with pytest.raises(ValueError, match="one bucket"):
        pad_lines(lines)


def test_a_line_within_the_width_is_not_cut() -> None:
    line = grey(100)
    assert split_wide(line, 100) == [line]


def test_a_wide_line_is_cut_in_its_widest_gap() -> None:
    pixels = np.random.default_rng(2).integers(0, 120, (32, 300), dtype=np.uint8)
    pixels[:, 110:114] = pixels[:, 150:190] = 255
    pixels[[0, -1]] = 255
    first, second = split_wide(LineCrop(pixels), 200)
    assert 150 < first.width_px < 190
    assert first.width_px + second.width_px == 300


@given(width=st.integers(1, 3000), limit=st.integers(4, 700), seed=st.integers(0, 3), plain=st.booleans())
def test_the_pieces_of_a_wide_line_are_the_line(width: int, limit: int, seed: int, plain: bool) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (8, width), dtype=np.uint8)
    if plain:
        pixels[:] = 255
    pieces = split_wide(LineCrop(pixels), limit)
    assert (np.concatenate([piece.pixels for piece in pieces], axis=1) == pixels).all()
    assert max(piece.width_px for piece in pieces) <= limit
    assert min(piece.width_px for piece in pieces) >= min(width, limit // 4)


def test_a_limit_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(ValueError, match="too narrow"):
        split_wide(grey(100), 3)
