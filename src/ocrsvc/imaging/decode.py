"""Uploaded bytes to a page: limits first, then pixels, then orientation, depth and transparency."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocrsvc.errors import ImageRejected, OcrError, TooLarge
from ocrsvc.imaging.header import BROKEN, ImageHeader, open_image, probe_image
from ocrsvc.imaging.page import Page

__all__ = ["DecodeLimits", "ImageHeader", "check_limits", "decode_image", "probe_image"]

LIGHT_INK = 170
"""Mean grey of what is opaque, above which mostly transparent pictures hold light text."""

BAND_PIXELS = 1_000_000
"""Pixels that are turned into RGB at a time."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What a picture may cost, checked from its header before any pixel is decoded."""

    max_pixels: int


def decode_image(data: bytes, limits: DecodeLimits) -> Page:
    """Decode one picture in memory: JPEG, PNG, BMP, WebP, single-page TIFF; thread-safe, no temporary files.

    EXIF orientation is applied; 16 bit is cut to 8; palettes, grey and CMYK become RGB; transparency is laid over
    white, or over black where most of the picture is transparent and what is not is light. Animated pictures and
    TIFFs of several pages are refused.

    Raises:
        ImageRejected: empty, cut short or damaged.
        TooLarge: more pixels than the limit.
        UnsupportedType: not a format read here, animated, or of several pages.
    """
    header = probe_image(data)
    check_limits(header, limits)
    pixels = _decode_jpeg(data) if header.format == "JPEG" else None
    if pixels is None:
        pixels = _decode_pillow(data, header)
    return Page(np.ascontiguousarray(_upright(pixels, header.orientation)))


def check_limits(header: ImageHeader, limits: DecodeLimits) -> None:
    """Refuse a picture by its header.

    Raises:
        TooLarge: more pixels than the limit.
    """
    pixels = header.width_px * header.height_px
    if pixels > limits.max_pixels:
        raise TooLarge(
            f"The picture has {pixels:,} pixels ({header.width_px} x {header.height_px}), the limit is "
            f"{limits.max_pixels:,}. Send it smaller or in parts."
        )


def _decode_jpeg(data: bytes) -> NDArray[np.uint8] | None:
    """Pixels of an ordinary JPEG by OpenCV, a third faster than Pillow with equal pixels; None leaves it to Pillow.

    OpenCV fills what is missing with grey, so a JPEG without its end marker goes to Pillow, which tells.
    """
    if data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda") or _is_cmyk(data):
        return None
    try:
        flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
        pixels = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)
    except cv2.error:
        return None
    return None if pixels is None else np.asarray(pixels, dtype=np.uint8)


def _is_cmyk(data: bytes) -> bool:
    return open_image(data, "JPEG").mode == "CMYK"


def _decode_pillow(data: bytes, header: ImageHeader) -> NDArray[np.uint8]:
    try:
        image: Image.Image = open_image(data, header.format)
        image.load()
        return _rgb(image)
    except OcrError:
        raise
    except Exception as error:  # Pillow has no common base for what damaged data makes it raise
        raise ImageRejected(BROKEN) from error


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    """[H, W, 3] RGB of any Pillow mode, turned band by band: copies of whole pages would take ten times their size."""
    convert = _conversion(image)
    pixels = np.empty((image.height, image.width, 3), dtype=np.uint8)
    for rows, band in _bands(image):
        pixels[rows] = convert(band)
    return pixels


def _bands(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """Whole rows of a picture from top to bottom, some BAND_PIXELS at a time, and where they belong."""
    step = max(1, BAND_PIXELS // image.width)
    for top in range(0, image.height, step):
        bottom = min(top + step, image.height)
        yield slice(top, bottom), image.crop((0, top, image.width, bottom))


def _conversion(image: Image.Image) -> Callable[[Image.Image], NDArray[np.uint8]]:
    """What makes RGB, or grey [H, W, 1], of a picture's bands."""
    if image.has_transparency_data:
        return partial(_over_background, background=_background(image))
    if image.mode.startswith("I;16"):
        return _high_bytes
    if image.mode in ("I", "F"):
        return partial(_stretched, span=_span(image))
    return lambda band: np.asarray(band.convert("RGB"))


def _high_bytes(band: Image.Image) -> NDArray[np.uint8]:
    return (np.asarray(band).astype(np.uint16) >> 8).astype(np.uint8)[:, :, None]


def _span(image: Image.Image) -> tuple[float, float]:
    """The samples that become black and white: 0 and 1, 255 or 65535 by their maximum, all else least and most."""
    bounds = [(float(values.min()), float(values.max())) for values in (_samples(band) for _, band in _bands(image))]
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    start, high = (low, high - low) if low < 0 or high > 65535 else (0.0, high)
    return start, next((top for top in (1.0, 255.0, 65535.0) if high <= top), high)


def _samples(band: Image.Image) -> NDArray[np.float64]:
    return np.nan_to_num(np.asarray(band, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _stretched(band: Image.Image, span: tuple[float, float]) -> NDArray[np.uint8]:
    start, top = span
    return np.clip((_samples(band) - start) * (255.0 / top), 0, 255).astype(np.uint8)[:, :, None]


def _over_background(band: Image.Image, background: int) -> NDArray[np.uint8]:
    rgba = np.asarray(band.convert("RGBA")).astype(np.uint16)
    share = rgba[:, :, 3:]
    mixed = rgba[:, :, :3] * share + np.uint16(background) * (255 - share)
    return ((mixed + 127) // 255).astype(np.uint8)


def _background(image: Image.Image) -> int:
    """Grey to lay a picture over: black for light print on a mostly transparent picture, else white."""
    opaque = light = 0
    for _, band in _bands(image):
        rgba = np.asarray(band.convert("RGBA"))
        seen = rgba[:, :, 3] > 127
        opaque += int(np.count_nonzero(seen))
        light += int(cv2.cvtColor(rgba, cv2.COLOR_RGBA2GRAY)[seen].sum())
    share = opaque / (image.width * image.height)
    return 0 if 0 < share <= 0.7 and light / opaque > LIGHT_INK else 255


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Apply an EXIF orientation (Exif 2.32, tag 0x0112)."""
    match orientation:
        case 2:
            return pixels[:, ::-1]
        case 3:
            return pixels[::-1, ::-1]
        case 4:
            return pixels[::-1]
        case 5:
            return pixels.transpose(1, 0, 2)
        case 6:
            return pixels[::-1].transpose(1, 0, 2)
        case 7:
            return pixels[::-1, ::-1].transpose(1, 0, 2)
        case 8:
            return pixels[:, ::-1].transpose(1, 0, 2)
        case _:
            return pixels
