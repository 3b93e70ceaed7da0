"""Pictures that the imaging tests draw."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def gradient(width: int, height: int) -> NDArray[np.uint8]:
    """[height, width, 3]: red grows to the right, green downwards; every corner differs."""
    red = np.linspace(0, 250, width)[None, :].repeat(height, axis=0)
    green = np.linspace(0, 250, height)[:, None].repeat(width, axis=1)
    return np.stack([red, green, np.full((height, width), 40.0)], axis=2).astype(np.uint8)


def encode(image: Image.Image | NDArray[Any], fmt: str, **options: Any) -> bytes:
    """A picture's bytes in a format of Pillow's."""
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    sink = io.BytesIO()
    picture.save(sink, fmt, **options)
    return sink.getvalue()


def exif(orientation: int) -> bytes:
    """An EXIF block that holds an orientation."""
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()
