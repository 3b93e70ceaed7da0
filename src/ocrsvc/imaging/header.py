"""What a picture says of itself before any of its pixels are decoded."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass

from PIL import BmpImagePlugin, ImageFile, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from ocrsvc.errors import ImageRejected, OcrError, UnsupportedType

ORIENTATION_TAG = 0x0112
READ_HERE = "JPEG, PNG, BMP, WebP or single-page TIFF"
BROKEN = "The picture cannot be decoded: it is cut short or damaged. Send the whole file again."

# Pillow's own classes, not Image.open: that one warns of large pictures by process-wide state.
_OPENERS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
}
_MIME = {fmt: f"image/{fmt.lower()}" for fmt in _OPENERS}
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Format and size of a picture; the size is that after its EXIF orientation."""

    format: str
    width_px: int
    height_px: int
    mime: str
    orientation: int = 1
    """EXIF orientation, 1..8."""


def probe_image(data: bytes) -> ImageHeader:
    """Read a picture's header; no pixels are decoded and no memory is taken for them.

    Raises:
        ImageRejected: empty, cut short or damaged.
        UnsupportedType: not a format read here, animated, or of several pages.
    """
    fmt = sniff_format(data)
    try:
        width, height, orientation = _probe_webp(data) if fmt == "WEBP" else _probe_pillow(data, fmt)
    except OcrError:
        raise
    except Exception as error:  # Pillow has no common base for what a damaged header makes it raise
        raise ImageRejected(BROKEN) from error
    if width < 1 or height < 1:
        raise ImageRejected(BROKEN)
    if orientation >= 5:
        width, height = height, width
    return ImageHeader(fmt, width, height, _MIME[fmt], orientation)


def open_image(data: bytes, fmt: str) -> ImageFile.ImageFile:
    """Pillow's image of `data`, its header read; raises what Pillow raises."""
    return _OPENERS[fmt](io.BytesIO(data))


def sniff_format(data: bytes) -> str:
    """Pillow's name of the format by its first bytes; what is not read here is refused with the way to go instead."""
    if not data:
        raise ImageRejected(f"The picture is empty. Send the bytes of a {READ_HERE} file.")
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if data[:2] == b"BM":
        return "BMP"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return "TIFF"
    raise UnsupportedType(_refusal(data))


def _refusal(data: bytes) -> str:
    if b"%PDF-" in data[:1024]:
        return "A PDF is not read at /ocr. Send it to POST /documents."
    if data[:4] == b"PK\x03\x04":
        return "An OFD or other archive is not read at /ocr. Send an OFD to POST /documents."
    if data[:4] == b"GIF8":
        return f"GIF is not read here. Send one frame as {READ_HERE} to POST /ocr."
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return f"HEIC and AVIF are not read here. Convert the picture to {READ_HERE} and send it to POST /ocr."
    return f"This is not a picture that is read here. Send {READ_HERE}."


def _probe_pillow(data: bytes, fmt: str) -> tuple[int, int, int]:
    image = open_image(data, fmt)
    if fmt == "TIFF" and _has_second_page(image):
        raise UnsupportedType("A TIFF of several pages is not read at /ocr. Send it to POST /documents.")
    if fmt == "PNG" and getattr(image, "is_animated", False):
        raise UnsupportedType(f"An animated picture is not read here. Send one frame as {READ_HERE}.")
    width, height = image.size
    if fmt == "TIFF":  # Pillow turns a TIFF itself while loading, and says the turned size
        return width, height, 1
    if fmt == "PNG":  # getexif() would decode all pixels to look for EXIF behind them
        return width, height, _exif_orientation(image.info.get("exif", b""))
    return width, height, _orientation(image)


def _has_second_page(image: ImageFile.ImageFile) -> bool:
    try:
        image.seek(1)
    except EOFError:
        return False
    return True


def _orientation(image: ImageFile.ImageFile) -> int:
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # damaged EXIF, as many kinds of error: the picture is still good
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _probe_webp(data: bytes) -> tuple[int, int, int]:
    """Size and orientation from a WebP's chunks (RFC 9649): Pillow would take memory for the whole canvas."""
    kind, body = data[12:16], data[20:]
    if kind == b"VP8X":
        if body[0] & 0x02:
            raise UnsupportedType(f"An animated picture is not read here. Send one frame as {READ_HERE}.")
        width = 1 + int.from_bytes(body[4:7], "little")
        height = 1 + int.from_bytes(body[7:10], "little")
        return width, height, _webp_orientation(data)
    if kind == b"VP8L" and body[0] == 0x2F:
        bits = struct.unpack_from("<I", body, 1)[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), 1
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF, 1
    raise ImageRejected(BROKEN)


def _webp_orientation(data: bytes) -> int:
    at = 12
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if kind == b"EXIF":
            return _exif_orientation(data[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return 1


def _exif_orientation(block: bytes) -> int:
    """Orientation in the first directory of an EXIF block, 1 where there is none."""
    tiff = block.removeprefix(b"Exif\x00\x00")
    order = "<" if tiff[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for at in range(start + 2, start + 2 + 12 * count, 12):
            tag, value = struct.unpack_from(order + "HxxxxxxH", tiff, at)
            if tag == ORIENTATION_TAG:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1
