"""Every (face, character) rasterised once, so that a line is composed by copying small arrays."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fontTools.ttLib import TTFont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from training.synth.fonts import Font

CACHE_VERSION = 2
CACHE = Path(__file__).resolve().parents[1] / "runs" / "atlas"


@dataclass(frozen=True, slots=True)
class Glyph:
    """One rasterised character: `mask` uint8 [h, w] ink coverage, `left`, `top` px from the pen on the baseline."""

    mask: NDArray[np.uint8]
    left: int
    top: int
    advance: float


@dataclass(frozen=True, slots=True)
class Face:
    """One font at one size in pixels per em, with the glyphs it really has."""

    font: Font
    px: int
    glyphs: dict[str, Glyph]

    def covers(self, text: str) -> bool:
        """Whether every character but the space has a glyph."""
        return all(c == " " or c in self.glyphs for c in text)


def _character_map(path: Path, index: int) -> set[int]:
    with TTFont(path, fontNumber=index, lazy=True) as font:
        best = font.getBestCmap()
        return set(best) if best else set()


def _rasterise(font: ImageFont.FreeTypeFont, char: str, px: int) -> Glyph | None:
    x0, y0, x1, y1 = font.getbbox(char, anchor="ls")
    if x1 <= x0 or y1 <= y0 or x1 - x0 > 3 * px:
        return None
    canvas = Image.new("L", (int(x1 - x0), int(y1 - y0)), 0)
    ImageDraw.Draw(canvas).text((-x0, -y0), char, fill=255, font=font, anchor="ls")
    mask = np.asarray(canvas)
    if mask.max() < 60:  # an empty outline in place of a glyph
        return None
    rows, columns = np.flatnonzero(mask.max(axis=1)), np.flatnonzero(mask.max(axis=0))
    top, left = int(rows[0]), int(columns[0])  # the box that Pillow gives reaches from the pen to the advance
    trimmed = mask[top : rows[-1] + 1, left : columns[-1] + 1].copy()
    return Glyph(trimmed, int(x0) + left, int(y0) + top, float(font.getlength(char)))


def _notdef(font: ImageFont.FreeTypeFont, px: int) -> bytes | None:
    glyph = _rasterise(font, "\U000fffff", px)
    return None if glyph is None else glyph.mask.tobytes()


def build_face(font: Font, px: int, characters: Sequence[str]) -> Face:
    """Rasterise a font's characters; those without a glyph, or drawn as the missing-glyph box, are left out."""
    glyphs: dict[str, Glyph] = {}
    wanted = {ord(c): c for c in characters if c != " "}
    for path in font.files:
        here = [c for c in _character_map(path, font.index) & wanted.keys() if wanted[c] not in glyphs]
        if not here:
            continue
        loaded = ImageFont.truetype(str(path), px, index=font.index)
        missing = _notdef(loaded, px)
        for code in here:
            glyph = _rasterise(loaded, wanted[code], px)
            if glyph is not None and glyph.mask.tobytes() != missing:
                glyphs[wanted[code]] = glyph
    return Face(font, px, glyphs)


def cached_face(font: Font, px: int, characters: Sequence[str]) -> Face:
    """`build_face`, kept on disk under `training/runs/atlas`, as rasterising all fonts takes a minute."""
    stamp = [(f.name, f.stat().st_size) for f in font.files]
    key = hashlib.sha256(repr((CACHE_VERSION, stamp, font.index, px, "".join(characters))).encode()).hexdigest()[:16]
    path = CACHE / f"{key}.pickle"
    if path.exists():
        return Face(font, px, pickle.loads(path.read_bytes()))
    face = build_face(font, px, characters)
    CACHE.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_bytes(pickle.dumps(face.glyphs, protocol=5))
    os.replace(part, path)
    return face
