from __future__ import annotations

import random

import numpy as np
import pytest

from training.synth import effects
from training.synth.atlas import Face
from training.synth.layout import Typesetter
from training.synth.lines import LineSynthesiser


@pytest.fixture
def source(chinese: list[Face], latin: list[Face]) -> LineSynthesiser:
    return LineSynthesiser(4, chinese, latin)


def test_the_atlas_has_ink_for_every_chinese_character(chinese: list[Face]) -> None:
    face = chinese[0]
    assert face.covers("价税合计壹仟圆整")
    assert all(g.mask.max() > 60 for g in face.glyphs.values())


def test_characters_stand_in_their_spans_from_left_to_right(chinese: list[Face], latin: list[Face]) -> None:
    line = Typesetter(random.Random(1), chinese, latin).set_line("发票号码: 12345678")
    assert line.text == "发票号码: 12345678"
    assert len(line.spans) == len(line.text)
    assert (np.diff(line.spans.mean(axis=1)) > 0).all()
    for char, (left, right) in zip(line.text, line.spans, strict=True):
        ink = line.ink[:, max(0, int(left)) : int(right) + 1].max()
        assert (ink > 100) == (char != " ")


def test_a_character_that_no_face_has_is_neither_drawn_nor_labelled(chinese: list[Face], latin: list[Face]) -> None:
    assert Typesetter(random.Random(1), chinese, latin).set_line("甲\U0002a6d6乙").text == "甲乙"


@pytest.mark.parametrize("hard", [0.0, 0.5, 1.0])
def test_lines_are_32_pixels_high_and_every_character_centre_lies_in_them(source: LineSynthesiser, hard: float) -> None:
    inside = total = 0
    for _ in range(60):
        line = source.draw(1, 20, hard)
        assert line.crop.pixels.shape[0] == 32
        assert line.crop.pixels.dtype == np.uint8
        centres = line.spans.mean(axis=1)
        inside += int(((centres >= 0) & (centres < line.crop.width_px)).sum())
        total += len(line.text)
        assert len(line.spans) == len(line.text)
    assert inside / total > 0.99


def test_lines_of_one_seed_are_the_same(chinese: list[Face], latin: list[Face]) -> None:
    a, b = (LineSynthesiser(8, chinese, latin) for _ in range(2))
    for _ in range(10):
        x, y = a.draw(1, 8), b.draw(1, 8)
        assert x.text == y.text
        assert np.array_equal(x.crop.pixels, y.crop.pixels)


def test_clean_lines_have_more_contrast_than_noise(source: LineSynthesiser) -> None:
    spread = [int(np.ptp(source.draw(2, 8, 0.0).crop.pixels)) for _ in range(40)]
    assert min(spread) > 40


@pytest.mark.parametrize("name", ["seal", "strokes", "lighting", "sharpen", "binarise"])
def test_effects_keep_shape_and_change_the_picture(name: str) -> None:
    grey = np.tile(np.linspace(40, 250, 200, dtype=np.float32), (30, 1))
    changed = False
    for seed in range(8):
        out = getattr(effects, name)(random.Random(seed), grey)
        assert out.shape == grey.shape
        changed = changed or not np.array_equal(out, grey)
    assert changed


def test_jpeg_keeps_shape_and_type() -> None:
    grey = np.full((20, 90), 200, np.uint8)
    out = effects.jpeg(random.Random(1), grey, 1.0)
    assert out.shape == grey.shape
    assert out.dtype == np.uint8
