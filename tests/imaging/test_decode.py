from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from ocrsvc.errors import ImageRejected, TooLarge, UnsupportedType
from ocrsvc.imaging.decode import DecodeLimits, decode_image
from ocrsvc.imaging.header import probe_image

from .pictures import encode, exif, gradient

LIMITS = DecodeLimits(max_pixels=1_000_000)
FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {},
    "BMP": {},
    "WEBP": {"lossless": True},
    "TIFF": {"compression": "tiff_lzw"},
}


def png_of(width: int, height: int, rows: bytes = b"") -> bytes:
    """A grey PNG whose header says any size, whatever its data hold."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_gives_its_pixels_as_rgb(fmt: str) -> None:
    pixels = gradient(60, 40)
    page = decode_image(encode(pixels, fmt, **FORMATS[fmt]), LIMITS)
    assert (page.width_px, page.height_px) == (60, 40)
    assert page.pixels.flags.c_contiguous
    assert np.abs(page.pixels.astype(int) - pixels).max() <= (6 if fmt == "JPEG" else 0)


@pytest.mark.parametrize("fmt", FORMATS)
def test_the_header_tells_format_and_size(fmt: str) -> None:
    header = probe_image(encode(gradient(60, 40), fmt, **FORMATS[fmt]))
    assert (header.format, header.width_px, header.height_px) == (fmt, 60, 40)
    assert header.mime == f"image/{fmt.lower()}"


@pytest.mark.parametrize("options", [{"quality": 80}, {"lossless": True}, {"quality": 80, "exif": exif(1)}])
def test_every_kind_of_webp_tells_its_size(options: dict[str, Any]) -> None:
    header = probe_image(encode(gradient(61, 43), "WEBP", **options))
    assert (header.width_px, header.height_px) == (61, 43)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied_to_pixels_and_size(fmt: str, orientation: int) -> None:
    pixels = gradient(60, 40)
    block = exif(orientation)
    if fmt == "TIFF":
        data = encode(pixels, fmt, tiffinfo={0x0112: orientation})
    else:
        data = encode(pixels, fmt, exif=block, **FORMATS[fmt])
    tagged = Image.fromarray(pixels)
    tagged.getexif()[0x0112] = orientation
    want = np.asarray(ImageOps.exif_transpose(tagged)).astype(int)
    page = decode_image(data, LIMITS)
    header = probe_image(data)
    assert page.pixels.shape == want.shape
    assert (header.height_px, header.width_px) == want.shape[:2]
    assert np.abs(page.pixels - want).max() <= 6


@pytest.mark.parametrize("orientation", [0, 9, 60000])
def test_a_senseless_orientation_is_ignored(orientation: int) -> None:
    page = decode_image(encode(gradient(60, 40), "PNG", exif=exif(orientation)), LIMITS)
    assert (page.width_px, page.height_px) == (60, 40)


def test_grey_one_bit_and_palette_pictures_become_rgb() -> None:
    grey = Image.fromarray(gradient(60, 40)[:, :, 0])
    for picture in (grey, grey.convert("1"), grey.convert("P")):
        page = decode_image(encode(picture, "PNG"), LIMITS)
        want = np.asarray(picture.convert("RGB"))
        assert np.array_equal(page.pixels, want)


def test_a_cmyk_jpeg_keeps_its_lightness() -> None:
    picture = Image.fromarray(gradient(60, 40)).convert("CMYK")
    page = decode_image(encode(picture, "JPEG", quality=95), LIMITS)
    assert np.abs(page.pixels.astype(int) - gradient(60, 40)).mean() < 6


@pytest.mark.parametrize("fmt", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_cut_to_its_high_byte(fmt: str) -> None:
    grey = gradient(60, 40)[:, :, 0]
    page = decode_image(encode(Image.fromarray(grey.astype(np.uint16) * 257), fmt), LIMITS)
    assert np.array_equal(page.pixels[:, :, 1], grey)


def test_float_samples_from_zero_to_one_fill_the_range() -> None:
    grey = gradient(60, 40)[:, :, 0]
    page = decode_image(encode(Image.fromarray(grey.astype(np.float32) / 255), "TIFF"), LIMITS)
    assert np.abs(page.pixels[:, :, 0].astype(int) - grey).max() <= 1


def test_transparency_is_laid_over_white() -> None:
    rgba = np.zeros((40, 60, 4), dtype=np.uint8)
    rgba[10:20, 10:50, 3] = 255
    page = decode_image(encode(rgba, "PNG"), LIMITS)
    assert page.pixels[0, 0].tolist() == [255, 255, 255]
    assert page.pixels[15, 30].tolist() == [0, 0, 0]


def test_white_ink_on_transparency_is_laid_over_black() -> None:
    rgba = np.full((40, 60, 4), 255, dtype=np.uint8)
    rgba[:, :, 3] = 0
    rgba[10:20, 10:50, 3] = 255
    page = decode_image(encode(rgba, "PNG"), LIMITS)
    assert page.pixels[0, 0].tolist() == [0, 0, 0]
    assert page.pixels[15, 30].tolist() == [255, 255, 255]


def test_a_transparent_palette_entry_is_laid_over_white() -> None:
    picture = Image.new("P", (8, 8), 0)
    picture.putpalette([0, 0, 0, 200, 0, 0])
    picture.putpixel((3, 3), 1)
    page = decode_image(encode(picture, "PNG", transparency=0), LIMITS)
    assert page.pixels[0, 0].tolist() == [255, 255, 255]
    assert page.pixels[3, 3].tolist() == [200, 0, 0]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 30_000), (30_000, 1)])
def test_extreme_shapes_are_read(width: int, height: int) -> None:
    page = decode_image(encode(gradient(width, height), "PNG"), LIMITS)
    assert (page.width_px, page.height_px) == (width, height)


@pytest.mark.parametrize("size", [(40_000, 40_000), (2_000_000, 1)])
def test_a_bomb_is_refused_by_its_header_with_the_limit_named(size: tuple[int, int]) -> None:
    with pytest.raises(TooLarge, match="1,000,000"):
        decode_image(png_of(*size), LIMITS)


def test_a_picture_of_exactly_the_limit_is_read() -> None:
    page = decode_image(encode(np.zeros((20, 50), dtype=np.uint8), "PNG"), DecodeLimits(max_pixels=1000))
    assert page.width_px == 50


def test_pixels_that_the_header_promises_and_the_data_lack_are_an_error() -> None:
    with pytest.raises(ImageRejected, match="cut short"):
        decode_image(png_of(500, 500, rows=b"\x00" * 100), LIMITS)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("keep", [0.02, 0.3, 0.6, 0.9])
def test_a_truncated_picture_is_rejected(fmt: str, keep: float) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    data = encode(noise, fmt, **FORMATS[fmt])
    with pytest.raises(ImageRejected, match="again"):
        decode_image(data[: max(13, int(len(data) * keep))], LIMITS)


def test_an_empty_upload_is_rejected_as_empty() -> None:
    with pytest.raises(ImageRejected, match="empty"):
        decode_image(b"", LIMITS)


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b"%PDF-1.7\n...", "POST /documents"),
        (b"PK\x03\x04....", "POST /documents"),
        (b"GIF89a....", "GIF"),
        (b"\x00\x00\x00\x18ftypheic....", "HEIC"),
        (b"<html></html>", "not a picture"),
        (b"\x00", "not a picture"),
    ],
)
def test_other_formats_are_refused_with_the_way_to_go(data: bytes, hint: str) -> None:
    with pytest.raises(UnsupportedType, match=hint):
        decode_image(data, LIMITS)


def test_a_tiff_of_several_pages_is_sent_to_documents() -> None:
    page = Image.fromarray(gradient(60, 40))
    data = encode(page, "TIFF", save_all=True, append_images=[page])
    with pytest.raises(UnsupportedType, match="POST /documents"):
        decode_image(data, LIMITS)


@pytest.mark.parametrize("fmt", ["PNG", "WEBP"])
def test_animated_pictures_are_refused(fmt: str) -> None:
    first, second = Image.fromarray(gradient(60, 40)), Image.fromarray(gradient(60, 40)[::-1].copy())
    data = encode(first, fmt, save_all=True, append_images=[second], duration=100)
    with pytest.raises(UnsupportedType, match="animated"):
        decode_image(data, LIMITS)


def test_decoding_in_many_threads_gives_what_it_gives_alone() -> None:
    uploads = [encode(gradient(60 + k, 40), fmt, **FORMATS[fmt]) for k in range(8) for fmt in FORMATS]
    alone = [decode_image(data, LIMITS).pixels for data in uploads]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: decode_image(data, LIMITS).pixels, uploads))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


SAMPLES = [encode(gradient(24, 16), fmt, **FORMATS[fmt]) for fmt in FORMATS] + [
    encode(gradient(24, 16), "WEBP", quality=80, exif=exif(6)),
    encode(gradient(24, 16), "JPEG", exif=exif(6)),
]


@settings(deadline=None, max_examples=150)
@given(
    sample=st.sampled_from(SAMPLES),
    edits=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6),
    keep=st.floats(0, 1),
)
def test_damaged_bytes_give_a_page_or_a_told_error(sample: bytes, edits: list[tuple[int, int]], keep: float) -> None:
    data = bytearray(sample)
    for at, value in edits:
        data[at % len(data)] = value
    try:
        page = decode_image(bytes(data[: round(len(data) * keep)]), LIMITS)
    except (ImageRejected, TooLarge, UnsupportedType):
        return
    assert page.pixels.shape[2] == 3


def test_probing_a_png_decodes_no_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: object) -> None:
        raise AssertionError("pixels were decoded")

    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (40, 20)).save(out, "PNG", exif=exif)
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    header = probe_image(out.getvalue())
    assert (header.width_px, header.height_px, header.orientation) == (20, 40, 6)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "I;16", "F", "RGB", "P"])
def test_no_copies_of_whole_pages_are_made(mode: str) -> None:
    data = encode(Image.new(mode, (4000, 4000)), "TIFF" if mode == "F" else "PNG")
    tracemalloc.start()
    try:
        page = decode_image(data, DecodeLimits(16_000_000))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2.5 * page.pixels.nbytes


def test_bands_of_a_transparent_picture_fit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    rgba = np.random.default_rng(5).integers(0, 256, (97, 41, 4), dtype=np.uint8)
    data = encode(rgba, "PNG")
    whole = decode_image(data, DecodeLimits(10_000)).pixels
    monkeypatch.setattr("ocrsvc.imaging.decode.BAND_PIXELS", 300)
    assert np.array_equal(decode_image(data, DecodeLimits(10_000)).pixels, whole)
