from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from ocrsvc.recognition.ctc import LineText
from ocrsvc.recognition.line import LineCrop
from ocrsvc.recognition.onnx import OnnxRecogniser
from ocrsvc.recognition.package import ModelPackage, default_model_dir, find_package, find_packages

pytestmark = pytest.mark.model

PACKAGES = find_packages(default_model_dir())


def test_a_recogniser_is_shipped() -> None:
    assert PACKAGES, f"no recogniser in {default_model_dir()}: train one (training/) or restore models/"
    assert find_package() in PACKAGES


@pytest.fixture(scope="module", params=PACKAGES, ids=lambda package: package.name)
def reader(request: pytest.FixtureRequest) -> OnnxRecogniser:
    package: ModelPackage = request.param
    return OnnxRecogniser(package)


def drawn_line(seed: int, width_px: int, height_px: int) -> LineCrop:
    """Digits and random strokes on a grey of their own, with noise: something to read on every step."""
    random = np.random.default_rng(seed)
    paper = int(random.integers(150, 256))
    ink = int(random.integers(0, 90))
    if seed % 4 == 3:
        paper, ink = ink, paper
    pixels = np.full((height_px, width_px), paper, dtype=np.uint8)
    x = 4
    while x < width_px - 20:
        if random.random() < 0.6:
            digit = str(random.integers(0, 10))
            cv2.putText(pixels, digit, (x, height_px - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.8, ink, 2, cv2.LINE_AA)
        else:
            points = np.stack([x + random.integers(0, 20, 6), random.integers(4, height_px - 4, 6)], axis=1)
            cv2.polylines(pixels, [points.reshape(-1, 1, 2).astype(np.int32)], False, ink, 2, cv2.LINE_AA)
        x += 22
    noisy = pixels + random.normal(0, 4, pixels.shape)
    return LineCrop(np.clip(noisy, 0, 255).astype(np.uint8))


def assert_same(alone: Sequence[LineText], together: Sequence[LineText]) -> None:
    for one, other in zip(alone, together, strict=True):
        assert other.text == one.text
        assert other.confidence == pytest.approx(one.confidence, abs=1e-4)
        for char, its_twin in zip(one.chars, other.chars, strict=True):
            assert its_twin.confidence == pytest.approx(char.confidence, abs=1e-4)
            assert (its_twin.start, its_twin.end) == (char.start, char.end)


@pytest.mark.parametrize(("bucket_px", "rows"), [(64, 40), (320, 8), (640, 4), (1280, 2), (1280, 5), (2560, 2)])
def test_a_line_reads_the_same_alone_and_in_a_full_batch(reader: OnnxRecogniser, bucket_px: int, rows: int) -> None:
    lines = [drawn_line(seed, bucket_px - 5 * (seed % 4), reader.height_px) for seed in range(rows)]
    assert {line.bucket_px for line in lines} == {bucket_px}
    alone = [reader.infer([line])[0] for line in lines]
    assert any(line.text for line in alone)
    assert_same(alone, reader.infer(lines))
    assert_same(alone[::-1], reader.infer(lines[::-1]))


def test_a_line_reads_the_same_among_copies_of_a_hostile_neighbour(reader: OnnxRecogniser) -> None:
    line = drawn_line(1, 300, reader.height_px)
    extremes = [np.zeros((reader.height_px, 320), np.uint8), np.full((reader.height_px, 320), 255, np.uint8)]
    noise = np.random.default_rng(0).integers(0, 256, (reader.height_px, 320), dtype=np.uint8)
    company = [LineCrop(pixels) for pixels in (*extremes, noise, noise)]
    assert_same(reader.infer([line]), reader.infer([*company, line])[-1:])


def test_a_blank_line_reads_as_nothing_or_little(reader: OnnxRecogniser) -> None:
    (line,) = reader.infer([LineCrop(np.full((reader.height_px, 320), 255, dtype=np.uint8))])
    assert len(line.text) <= 2
