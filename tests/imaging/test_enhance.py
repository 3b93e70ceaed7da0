from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from ocrsvc.imaging.enhance import (
    Enhancement,
    adaptive_threshold,
    contrast,
    denoise,
    enhance,
    equalise,
    preview_page,
    scale_to_height,
    to_grey,
)
from ocrsvc.imaging.page import Page

from .pictures import gradient


def faint_page() -> np.ndarray:
    grey = np.full((120, 200), 200, dtype=np.uint8)
    grey[40:60:4, 20:180] = 180
    return grey


def test_grey_weighs_the_colours_by_luminance() -> None:
    rgb = np.zeros((1, 3, 3), dtype=np.uint8)
    rgb[0, 0, 0] = rgb[0, 1, 1] = rgb[0, 2, 2] = 255
    assert to_grey(rgb)[0].tolist() == [76, 150, 29]


def test_a_grey_picture_stays_as_it_is() -> None:
    grey = faint_page()
    assert to_grey(grey) is grey


def test_equalising_raises_contrast() -> None:
    assert contrast(equalise(faint_page())) > contrast(faint_page())


def test_thresholding_follows_uneven_light() -> None:
    light = np.linspace(90, 250, 200)[None, :].repeat(120, axis=0)
    light[58:62, :] -= 60
    marked = adaptive_threshold(light.astype(np.uint8))
    assert (marked[60] == 0).all()
    assert (marked[10:40] == 255).all()


def test_denoising_takes_away_a_speck() -> None:
    grey = np.full((9, 9), 255, dtype=np.uint8)
    grey[4, 4] = 0
    assert (denoise(grey) == 255).all()


@pytest.mark.parametrize(("height", "width"), [(64, 400), (16, 100), (32, 200), (1, 1), (300, 1)])
def test_scaling_keeps_the_aspect_and_at_least_one_column(height: int, width: int) -> None:
    scaled = scale_to_height(np.zeros((height, width), dtype=np.uint8), 32)
    assert scaled.shape == (32, max(1, round(width * 32 / height)))


def test_auto_equalises_only_low_contrast() -> None:
    strong = gradient(200, 120)[:, :, 0]
    assert enhance(strong, Enhancement.AUTO) is strong
    assert np.array_equal(enhance(faint_page(), Enhancement.AUTO), equalise(faint_page()))


def test_contrast_of_a_page_takes_no_copy_of_it() -> None:
    grey = np.full((3000, 3000), 200, dtype=np.uint8)
    grey[: len(grey) // 2] = 60
    tracemalloc.start()
    try:
        assert contrast(grey) == 140
        assert tracemalloc.get_traced_memory()[1] < grey.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("mode", Enhancement)
@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 2), (37, 41)])
def test_every_mode_takes_every_shape(mode: Enhancement, shape: tuple[int, int]) -> None:
    grey = np.arange(shape[0] * shape[1], dtype=np.uint32).reshape(shape).astype(np.uint8)
    assert enhance(grey, mode).shape == shape


def test_a_preview_is_the_enhanced_grey_page() -> None:
    page = Page(gradient(60, 40))
    assert np.array_equal(preview_page(page, Enhancement.NONE), to_grey(page.pixels))
