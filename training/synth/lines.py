"""Whole training lines: composed, seen by a scanner or camera, cut as by a detector, prepared as by the service."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrsvc.recognition.line import LineCrop, prepare_line
from training.synth import effects
from training.synth.atlas import Face, cached_face
from training.synth.charset import labels
from training.synth.fonts import Font, cjk_fonts, latin_fonts
from training.synth.layout import InkLine, Typesetter
from training.synth.text import TextSampler

MODEL_HEIGHT_PX = 32


@dataclass(frozen=True, slots=True)
class TrainingLine:
    """A line as the recogniser sees it, its text, and `spans` float32 [chars, 2]: ends of each character in px."""

    crop: LineCrop
    text: str
    spans: NDArray[np.float32]


@lru_cache(maxsize=2)
def faces(held_out: bool) -> tuple[list[Face], list[Face]]:
    """(Chinese, Latin) faces for training or, from fonts that training never sees, for validation."""
    wide = [chr(c) for c in range(0xFF01, 0xFF5F)]
    characters = [*labels(), *(c for c in wide if c not in labels())]

    def built(fonts: list[Font]) -> list[Face]:
        return [cached_face(f, px, characters) for f in fonts if f.held_out == held_out for px in f.px_sizes]

    return built(cjk_fonts()), built(latin_fonts())


class LineSynthesiser:
    """Makes training lines, endlessly. Not thread-safe: one per process."""

    def __init__(self, seed: int, chinese: list[Face], latin: list[Face]) -> None:
        self._rng = random.Random(seed)
        self._texts = TextSampler(seed)
        self._setter = Typesetter(self._rng, chinese, latin)
        generator = np.random.default_rng(seed)
        self._noise = generator.standard_normal((96, 8192), dtype=np.float32)

    def draw(self, min_chars: int, max_chars: int, hard: float | None = None) -> TrainingLine:
        """One line of `min_chars` to `max_chars` characters.

        `hard` in [0, 1] fixes how bad the picture is: 0 a clean screenshot, 0.5 a scan, 1 a poor photo; by default
        it is drawn for each line.
        """
        rng = self._rng
        if hard is None:
            hard = rng.choice((0.0, rng.uniform(0.1, 0.5), rng.uniform(0.2, 0.8), rng.uniform(0.4, 1.0)))
        line = self._setter.set_line(self._texts.draw(min_chars, max_chars))
        self._setter.surround(line, self._texts.draw(2, 8))
        seen, spans = self._seen(line, hard)
        grey = self._degrade(seen, line, hard)
        crop = prepare_line(grey, MODEL_HEIGHT_PX, MODEL_HEIGHT_PX)
        return TrainingLine(crop, line.text, spans * (crop.width_px / grey.shape[1]))

    def _window(self, line: InkLine) -> tuple[float, float, float, float]:
        """The crop in canvas pixels: the ink's box, loosened or tightened as detectors do."""
        rng, em = self._rng, line.em_px
        x0, y0, x1, y1 = map(float, line.box)
        short = max(0.0, 0.62 * em - (y1 - y0)) if rng.random() < 0.8 else 0.0
        y0, y1 = y0 - short / 2, y1 + short / 2
        h = y1 - y0
        top, bottom = (rng.uniform(0.0, 0.16) if rng.random() < 0.75 else rng.uniform(-0.05, 0.35) for _ in "tb")
        left, right = (rng.uniform(0.0, 0.3) if rng.random() < 0.8 else rng.uniform(-0.06, 1.3) for _ in "lr")
        return x0 - left * h, y0 - top * h, x1 + right * h, y1 + bottom * h

    def _seen(self, line: InkLine, hard: float) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """The crop's ink at the resolution of the scanner or camera, and the characters' spans there."""
        rng = self._rng
        x0, y0, x1, y1 = self._window(line)
        if rng.random() < 0.12:
            self._setter.sliver(line, x0, x1, self._texts.draw(1, 2))
        w, h = x1 - x0, y1 - y0
        native_h = rng.uniform(12, 21) if rng.random() < 0.4 else rng.uniform(18, 46)
        if line.em_px <= 24 and rng.random() < 0.6:
            native_h = h  # small faces are hinted to their own pixels: keep them
        stretch = rng.uniform(0.8, 1.2) if rng.random() < 0.3 else 1.0
        size = max(4, round(native_h * w / h * stretch)), max(6, round(native_h))
        corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
        bent = rng.random() < 0.2 + 0.6 * hard
        if bent:
            corners = self._bend(corners, h, hard)
        k = min(1.0, 1.6 * size[1] / h)
        full = (max(4, round(w * k * stretch)), max(6, round(h * k)))
        target = np.array([[0, 0], [full[0], 0], [full[0], full[1]], [0, full[1]]], np.float32)
        matrix = cv2.getPerspectiveTransform(corners, target)
        if k >= 1 and not bent:
            ink = cv2.warpPerspective(line.ink, matrix, full, flags=cv2.INTER_LINEAR)
        else:
            shrunk = cv2.resize(line.ink, None, fx=k, fy=k, interpolation=cv2.INTER_AREA) if k < 1 else line.ink
            ink = cv2.warpPerspective(shrunk, matrix @ np.diag([1 / k, 1 / k, 1.0]), full, flags=cv2.INTER_LINEAR)
        if rng.random() < 0.12 * (0.3 + hard):
            ink = self._wave(np.asarray(ink, np.uint8))
        ink = cv2.resize(ink, size, interpolation=cv2.INTER_AREA if full[1] > size[1] else cv2.INTER_CUBIC)
        middle = (line.box[1] + line.box[3]) / 2
        points = np.stack([line.spans.ravel(), np.full(line.spans.size, middle, np.float32)], axis=1)[None]
        mapped = cv2.perspectiveTransform(points, matrix)[0, :, 0] * (size[0] / full[0])
        return np.asarray(ink, np.uint8), mapped.reshape(-1, 2).astype(np.float32)

    def _bend(self, corners: NDArray[np.float32], h: float, hard: float) -> NDArray[np.float32]:
        rng = self._rng
        centre = corners.mean(axis=0)
        width = corners[1, 0] - corners[0, 0]
        angle = rng.gauss(0, 1) * min(0.05, 0.12 * h / width) * (0.3 + hard)
        shear = rng.uniform(-0.2, 0.2) * (0.3 + 0.8 * hard) if rng.random() < 0.5 else 0.0
        turn = np.array([[1, shear], [0, 1]], np.float32) @ np.array(
            [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32
        )
        jitter = np.array([[rng.uniform(-1, 1) for _ in range(2)] for _ in range(4)], np.float32) * (0.07 * h * hard)
        out: NDArray[np.float32] = ((corners - centre) @ turn.T + centre + jitter).astype(np.float32)
        return out

    def _wave(self, ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
        rng = self._rng
        h, w = ink.shape
        x = np.arange(w, dtype=np.float32)
        shift = np.sin(x * np.float32(2 * np.pi / (rng.uniform(4, 20) * h)) + rng.uniform(0, 6)) * np.float32(
            rng.uniform(0.02, 0.08) * h
        )
        rows = np.arange(h, dtype=np.float32)[:, None] + shift[None, :]
        columns = np.broadcast_to(x[None, :], (h, w)).astype(np.float32)
        return np.asarray(cv2.remap(ink, columns, rows.astype(np.float32), cv2.INTER_LINEAR), np.uint8)

    def _patch(self, h: int, w: int) -> NDArray[np.float32]:
        """A piece of the noise sheet, at least [h, w]."""
        y = self._rng.randint(0, max(0, self._noise.shape[0] - h))
        x = self._rng.randint(0, max(0, self._noise.shape[1] - w))
        piece = self._noise[y : y + h, x : x + w]
        if piece.shape != (h, w):
            piece = np.resize(self._noise, (h, w))
        return piece

    def _degrade(self, ink: NDArray[np.uint8], line: InkLine, hard: float) -> NDArray[np.uint8]:
        """Print, light, optics, sensor and codec, in the order in which they happen."""
        rng = self._rng
        h, w = ink.shape
        if hard > 0:
            if rng.random() < 0.08 and h >= 24:
                ink = effects.dot_matrix(rng, ink, h * 0.8)
            elif rng.random() < 0.16 and h >= 18:
                ink = effects.uneven_print(rng, ink, self._patch(h, w))
            elif rng.random() < 0.2:
                ink = effects.stroke_weight(rng, ink)
        grey = effects.paper_and_ink(rng, ink, hard)
        if rng.random() < 0.07:
            grey = effects.seal(rng, grey)
        if rng.random() < 0.02:
            grey = effects.strokes(rng, grey)
        if rng.random() < 0.1 + 0.4 * hard:
            grey = effects.texture(rng, grey, self._patch(h, w))
        if rng.random() < 0.6 * hard:
            grey = effects.lighting(rng, grey)
        if rng.random() < 0.15 + 0.75 * hard:
            grey = effects.blur(rng, grey, hard)
        if rng.random() < 0.12:
            grey = effects.sharpen(rng, grey)
        if rng.random() < 0.1 + 0.7 * hard:
            grey = effects.sensor_noise(rng, grey, self._patch(h, w), hard)
        if rng.random() < 0.05 * hard and h >= 24:
            grey = effects.binarise(rng, grey)
        out = np.clip(grey, 0, 255).astype(np.uint8)
        return effects.jpeg(rng, out, hard) if rng.random() < 0.15 + 0.6 * hard else out
