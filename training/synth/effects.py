"""What paper, printers, scanners and cameras do to a line; each effect is one small function on a grey picture."""

from __future__ import annotations

import random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]
"""[H, W] float32, 0 black to 255 white, at the resolution that the camera or scanner saw."""


def _grey(values: Any) -> Grey:
    return np.asarray(values, np.float32)


def _bytes(values: Any) -> NDArray[np.uint8]:
    return np.asarray(values, np.uint8)


def paper_and_ink(rng: random.Random, ink: NDArray[np.uint8], hard: float) -> Grey:
    """Print coverage [H, W] (0..255) in one tone on another; one line in twelve is light on dark."""
    if rng.random() < 0.45 * (1 - hard):
        paper, tone = rng.uniform(238, 255), rng.uniform(0, 60)
    else:
        paper = rng.uniform(120, 255)
        tone = max(0.0, paper - rng.uniform(70, 255))
    if rng.random() < 0.08:
        paper, tone = tone, paper
    return _grey(np.float32(paper) + ink.astype(np.float32) * np.float32((tone - paper) / 255))


def dot_matrix(rng: random.Random, ink: NDArray[np.uint8], em_px: float) -> NDArray[np.uint8]:
    """Impact printing: ink only on the dots of a 24-pin grid, some pins weak."""
    pitch = max(2.0, em_px / 24)
    h, w = ink.shape
    y = np.cos(np.arange(h, dtype=np.float32) * (2 * np.pi / pitch))[:, None]
    x = np.cos(np.arange(w, dtype=np.float32) * (2 * np.pi / pitch))[None, :]
    grid = np.clip((x + y) * rng.uniform(0.15, 0.3) + rng.uniform(0.65, 0.85), 0.3, 1)
    return _bytes((ink * grid).astype(np.uint8))


def uneven_print(rng: random.Random, ink: NDArray[np.uint8], noise: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Toner holes and ragged edges: the coverage is thresholded against blurred noise [H, W] in N(0, 1)."""
    h, w = ink.shape
    field = cv2.GaussianBlur(noise[:h, :w], (0, 0), rng.uniform(0.6, 1.6))
    soft = ink.astype(np.float32) + field * rng.uniform(60, 60 + 3 * min(h, 40))
    return (
        np.clip((soft - 90) * 2, 0, 255).astype(np.uint8)
        if rng.random() < 0.5
        else np.where(field > rng.uniform(0.6, 1.0), ink // 2, ink)
    )


def stroke_weight(rng: random.Random, ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bolder or thinner strokes."""
    kernel = np.ones((2, 2), np.uint8)
    return _bytes(
        cv2.dilate(ink, kernel) if rng.random() < 0.65 else cv2.addWeighted(ink, 0.5, cv2.erode(ink, kernel), 0.5, 0)
    )


def lighting(rng: random.Random, grey: Grey) -> Grey:
    """Uneven light: a linear ramp, sometimes with the soft edge of a shadow."""
    h, w = grey.shape
    ramp = np.linspace(rng.uniform(0.55, 1.0), rng.uniform(0.55, 1.0), w, dtype=np.float32)
    if rng.random() < 0.4:
        edge, soft = rng.uniform(0, w), rng.uniform(4, 60)
        distance = (np.arange(w, dtype=np.float32) - edge) / soft
        ramp *= 1 - rng.uniform(0.1, 0.5) / (1 + np.exp(np.clip(distance, -30, 30)))
    column = np.linspace(rng.uniform(0.85, 1.0), rng.uniform(0.85, 1.0), h, dtype=np.float32)
    return _grey(grey * (ramp[None, :] * column[:, None]))


def seal(rng: random.Random, grey: Grey) -> Grey:
    """Part of a stamp across the line, as its red or blue shows in grey."""
    h, w = grey.shape
    layer = np.zeros((h, w), np.uint8)
    r = rng.randint(h, 4 * h)
    centre = (rng.randint(-r // 2, w + r // 2), rng.randint(-r, h + r))
    axes = (r, round(r * rng.uniform(0.6, 1.0)))
    cv2.ellipse(
        layer, centre, axes, rng.uniform(-20, 20), 0, 360, 255, max(1, round(h * rng.uniform(0.05, 0.14))), cv2.LINE_AA
    )
    for _ in range(rng.randint(0, 5)):
        x, y, s = rng.randint(0, w), rng.randint(-4, h), rng.uniform(0.4, 1.2)
        cv2.putText(
            layer,
            rng.choice("*#KX8ZE@"),
            (x, y + h // 2),
            rng.randint(0, 4),
            s * h / 28,
            255,
            max(1, h // 14),
            cv2.LINE_AA,
        )
    alpha = layer.astype(np.float32) * np.float32(rng.uniform(0.25, 0.8) / 255)
    return _grey(grey * (1 - alpha) + np.float32(rng.uniform(70, 170)) * alpha)


def strokes(rng: random.Random, grey: Grey) -> Grey:
    """A pen or highlighter across the line."""
    h, w = grey.shape
    layer = np.zeros((h, w), np.uint8)
    points = np.array([[rng.randint(0, w), rng.randint(0, h)] for _ in range(rng.randint(2, 4))], np.int32)
    wide = rng.random() < 0.4
    cv2.polylines(layer, [points], False, 255, round(h * 0.7) if wide else max(1, h // 16), cv2.LINE_AA)
    alpha = layer.astype(np.float32) * np.float32((0.25 if wide else 0.7) / 255)
    return _grey(grey * (1 - alpha) + np.float32(rng.uniform(40, 180)) * alpha)


def texture(rng: random.Random, grey: Grey, noise: NDArray[np.float32]) -> Grey:
    """Paper grain or a printed background: smoothed noise, or a fine line pattern."""
    h, w = grey.shape
    if rng.random() < 0.6:
        scale = rng.uniform(1.5, 8)
        small = noise[: int(h / scale) + 2, : int(w / scale) + 2]
        field = cv2.resize(small, (w, h), interpolation=cv2.INTER_CUBIC)
        return _grey(grey + field * np.float32(rng.uniform(2, 16)))
    angle, pitch = rng.uniform(0, np.pi), rng.uniform(3, 14)
    phase = np.arange(w, dtype=np.float32)[None, :] * np.cos(angle) + np.arange(h, dtype=np.float32)[:, None] * np.sin(
        angle
    )
    return _grey(grey + np.sin(phase * np.float32(2 * np.pi / pitch)) * np.float32(rng.uniform(3, 18)))


def blur(rng: random.Random, grey: Grey, hard: float) -> Grey:
    """Out of focus, or moved."""
    if rng.random() < 0.25 * hard:
        n = rng.choice((3, 3, 5) if len(grey) < 24 else (3, 5, 5, 7))
        kernel = np.zeros((n, n), np.float32)
        angle, c = rng.uniform(0, np.pi), n // 2
        dx, dy = round(c * np.cos(angle)), round(c * np.sin(angle))
        cv2.line(kernel, (c - dx, c - dy), (c + dx, c + dy), 1.0)
        return _grey(cv2.filter2D(grey, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE))
    sigma = rng.uniform(0.3, 0.42 + (0.010 + 0.020 * hard) * len(grey))
    return _grey(cv2.GaussianBlur(grey, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))


def sharpen(rng: random.Random, grey: Grey) -> Grey:
    """The halo of a camera's or scanner's sharpening."""
    soft = cv2.GaussianBlur(grey, (0, 0), rng.uniform(0.8, 2.0))
    return _grey(grey + (grey - soft) * np.float32(rng.uniform(0.4, 1.8)))


def sensor_noise(rng: random.Random, grey: Grey, noise: NDArray[np.float32], hard: float) -> Grey:
    """Gaussian noise, from [H, W] samples of N(0, 1)."""
    h, w = grey.shape
    contrast = min(160.0, float(grey.max()) - float(grey.min()))
    return _grey(grey + noise[:h, :w] * np.float32(rng.uniform(1, 2 + (0.03 + 0.07 * hard) * contrast)))


def binarise(rng: random.Random, grey: Grey) -> Grey:
    """A fax or a black-and-white scan."""
    lo, hi = float(grey.min()), float(grey.max())
    return _grey(np.where(grey > lo + (hi - lo) * rng.uniform(0.4, 0.68), np.float32(255), np.float32(0)))


def jpeg(rng: random.Random, grey8: NDArray[np.uint8], hard: float) -> NDArray[np.uint8]:
    """A round through JPEG."""
    quality = rng.randint(round(60 - 40 * hard), 95)
    return _bytes(
        cv2.imdecode(cv2.imencode(".jpg", grey8, (cv2.IMWRITE_JPEG_QUALITY, quality))[1], cv2.IMREAD_GRAYSCALE)
    )
