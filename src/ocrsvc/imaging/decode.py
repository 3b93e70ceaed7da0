"""Uploaded bytes to a page: limits first, then pixels, then orientation, depth and transparency."""

from __future__ import annotations

from dataclasses import dataclass

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
    """[H, W, 3] RGB of any Pillow mode."""
    if image.has_transparency_data:
        return _over_background(np.asarray(image.convert("RGBA")))
    if image.mode.startswith("I;16"):
        return _grey_to_rgb((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        return _grey_to_rgb(_stretched(np.asarray(image, dtype=np.float64)))
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _grey_to_rgb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(grey[:, :, None], 3, axis=2)


def _stretched(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Samples of unknown range as bytes: 0..1, 0..255 and 0..65535 by their maximum, all else from least to most."""
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 65535:
        values, high = values - low, high - low
    top = next((t for t in (1.0, 255.0, 65535.0) if high <= t), high)
    return np.asarray(np.clip(values * (255.0 / top), 0, 255), dtype=np.uint8)


def _over_background(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    alpha = rgba[:, :, 3]
    colour = rgba[:, :, :3]
    if int(alpha.min()) == 255:
        return np.array(colour)
    background = 0 if _is_light_on_transparent(colour, alpha) else 255
    share = alpha[:, :, None].astype(np.uint16)
    mixed = colour.astype(np.uint16) * share + np.uint16(background) * (255 - share)
    return ((mixed + 127) // 255).astype(np.uint8)


def _is_light_on_transparent(colour: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> bool:
    opaque = alpha > 127
    share = float(np.count_nonzero(opaque)) / opaque.size
    if share == 0 or share > 0.7:
        return False
    return float(cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)[opaque].mean()) > LIGHT_INK


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
