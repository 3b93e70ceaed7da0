from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrsvc.imaging.geometry import bounding_box, box_quad, crop_line, quad_size, sub_quad

from .pictures import gradient


def turned(width: float, height: float, degrees: float, centre: tuple[float, float]) -> np.ndarray:
    """A quad of a size, turned clockwise on screen about its centre."""
    angle = math.radians(degrees)
    along = np.array([math.cos(angle), math.sin(angle)]) * width / 2
    down = np.array([-math.sin(angle), math.cos(angle)]) * height / 2
    middle = np.array(centre)
    return np.stack(
        [middle - along - down, middle + along - down, middle + along + down, middle - along + down]
    ).astype(np.float32)


def test_an_upright_crop_of_its_own_height_is_the_pixels_themselves() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (60, 90), dtype=np.uint8)
    assert np.array_equal(crop_line(pixels, box_quad(10, 20, 50, 44), 24), pixels[20:44, 10:50])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_crop_keeps_the_channels_of_the_page(channels: int) -> None:
    pixels = gradient(90, 60) if channels == 3 else gradient(90, 60)[:, :, 0]
    crop = crop_line(pixels, box_quad(10, 20, 50, 40), 32)
    assert crop.shape == ((32, 64, 3) if channels == 3 else (32, 64))
    assert crop.flags.c_contiguous


def test_a_crop_is_as_wide_as_the_aspect_says_and_at_least_one_pixel() -> None:
    pixels = gradient(400, 60)
    assert crop_line(pixels, box_quad(0, 0, 400, 40), 20).shape[1] == 200
    assert crop_line(pixels, box_quad(5, 0, 5.1, 60), 20).shape[1] == 1


def test_shrinking_averages_instead_of_skipping() -> None:
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), (64, 128))
    crop = crop_line(stripes, box_quad(0, 0, 256, 64), 16)
    assert np.abs(crop.astype(int) - 127).max() <= 2


def test_a_crop_past_the_page_goes_on_with_its_edge() -> None:
    pixels = np.full((20, 30), 90, dtype=np.uint8)
    assert (crop_line(pixels, box_quad(-40, -10, 80, 40), 16) == 90).all()


def test_a_quad_wholly_off_the_page_still_gives_a_crop() -> None:
    assert crop_line(gradient(30, 20), box_quad(100, 100, 140, 110), 16).shape == (16, 64, 3)


def test_a_quad_whose_first_edge_runs_down_is_turned_to_lie() -> None:
    lying = gradient(40, 10)
    standing = np.rot90(lying, -1).copy()  # clockwise: the text's own top left is now at the top right
    quad = np.array([[10, 0], [10, 40], [0, 40], [0, 0]], dtype=np.float32)
    assert np.array_equal(crop_line(standing, quad, 10), lying)


def test_a_page_longer_than_sixteen_bits_can_be_cropped() -> None:
    pixels = np.zeros((12, 70_000), dtype=np.uint8)
    pixels[:, 69_900:] = 255
    assert (crop_line(pixels, box_quad(69_920, 1, 69_980, 11), 16) == 255).all()


def test_a_line_longer_than_sixteen_bits_is_squeezed_not_refused() -> None:
    crop = crop_line(np.full((4, 70_000), 7, dtype=np.uint8), box_quad(0, 0, 70_000, 4), 32)
    assert crop.shape[0] == 32
    assert (crop == 7).all()


@settings(deadline=None, max_examples=60)
@given(
    width=st.floats(30, 120),
    height=st.floats(12, 40),
    degrees=st.floats(-30, 30),
)
def test_a_turned_crop_shows_what_stands_at_the_turned_place(width: float, height: float, degrees: float) -> None:
    pixels = gradient(300, 200)
    quad = turned(width, height, degrees, (150, 100))
    crop = crop_line(pixels, quad, 24)
    y, x = 12, crop.shape[1] // 2
    place = sub_quad(quad, (x + 0.5) / crop.shape[1], (x + 0.5) / crop.shape[1])
    at = place[0] + (place[3] - place[0]) * (y + 0.5) / 24
    want = [at[0] / 300 * 250, at[1] / 200 * 250, 40]
    assert np.abs(crop[y, x].astype(float) - want).max() <= 4


@settings(deadline=None)
@given(st.floats(-60, 60), st.floats(0, 0.45), st.floats(0.55, 1))
def test_a_part_of_a_line_has_its_share_of_the_length(degrees: float, start: float, end: float) -> None:
    quad = turned(100, 20, degrees, (150, 100))
    across, down = quad_size(sub_quad(quad, start, end))
    assert across == pytest.approx(100 * (end - start), abs=0.01)
    assert down == pytest.approx(20, abs=0.01)


@settings(deadline=None)
@given(st.floats(-100, 400), st.floats(-100, 300), st.floats(-90, 90))
def test_a_bounding_box_stays_on_the_page(x: float, y: float, degrees: float) -> None:
    x_min, y_min, x_max, y_max = bounding_box(turned(60, 20, degrees, (x, y)), 300, 200)
    assert 0 <= x_min <= x_max <= 300
    assert 0 <= y_min <= y_max <= 200


def test_a_whole_pixel_box_is_its_own_bounding_box() -> None:
    assert bounding_box(box_quad(10, 20, 50, 44), 300, 200) == (10, 20, 50, 44)
