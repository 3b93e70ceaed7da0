"""Composes a text into ink: which faces, how spaced, what else stands around it, and where each character is."""

from __future__ import annotations

import random
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.synth.atlas import Face
from training.synth.fonts import LATIN_SHARE, STYLE_SHARE

MARGIN_EM = 1.6
"""Empty canvas kept on every side of the line, for neighbours, rules and loose crops."""


@dataclass(frozen=True, slots=True)
class InkLine:
    """A line as ink on nothing.

    `ink` is uint8 [H, W] coverage; `spans` float32 [chars, 2] are the left and right ends of each character's ink
    in pixels; `box` is (x0, y0, x1, y1), the line's own ink; `em_px` its type size.
    """

    ink: NDArray[np.uint8]
    text: str
    spans: NDArray[np.float32]
    box: tuple[int, int, int, int]
    em_px: int


class Typesetter:
    """Draws a text with faces chosen by style. Not thread-safe: one per process."""

    def __init__(self, rng: random.Random, cjk: list[Face], latin: list[Face]) -> None:
        self._rng = rng
        self._cjk = _by_style(cjk, STYLE_SHARE)
        self._latin = _by_style(latin, LATIN_SHARE)

    def _pick(self, groups: list[tuple[float, list[Face]]], px: int | None) -> Face:
        weights = [w for w, _ in groups]
        for _ in range(8):
            face = self._rng.choice(self._rng.choices(groups, weights)[0][1])
            if px is None or face.px == px:
                return face
        return self._rng.choice([f for _, faces in groups for f in faces if f.px == (px or f.px)] or groups[0][1])

    def faces_for(self, text: str) -> tuple[Face, Face]:
        """(the face of Chinese characters, the face of the rest); between them they cover the text if any pair does."""
        cjk = latin = self._cjk[0][1][0]
        for _ in range(30):
            cjk = self._pick(self._cjk, None)
            latin = self._pick(self._latin, cjk.px) if self._rng.random() < 0.5 else cjk
            if cjk.px != latin.px:
                latin = cjk
            if all(c == " " or c in cjk.glyphs or c in latin.glyphs for c in text):
                return cjk, latin
        return cjk, latin

    def set_line(self, text: str) -> InkLine:
        """Compose one line. Characters that the chosen faces lack are left out of the picture and of the label."""
        cjk, latin = self.faces_for(text)
        kept = " ".join("".join(c for c in text if c == " " or c in cjk.glyphs or c in latin.glyphs).split())
        return self._place(kept, cjk, latin) if kept else self.set_line("1")

    def _place(self, text: str, cjk: Face, latin: Face) -> InkLine:
        rng, em = self._rng, cjk.px
        margin = int(MARGIN_EM * em)
        tracking = em * (
            rng.uniform(-0.04, 0.12) if rng.random() < 0.6 else 0.0 if rng.random() < 0.7 else rng.uniform(0.1, 0.36)
        )
        gap = em * (rng.uniform(0.5, 4.0) if rng.random() < 0.5 else rng.uniform(0.46, 0.9))
        narrow_gap = em * rng.uniform(0.24, 0.4)
        wide = rng.random() < 0.02
        pen, placed, spans = 0.0, [], []
        for i, char in enumerate(text):
            if char == " ":
                between_latin = 0 < i < len(text) - 1 and text[i - 1] < "\x7f" and text[i + 1] < "\x7f"
                step = narrow_gap if between_latin and rng.random() < 0.85 else gap
                spans.append((pen, pen + step))
                pen += step
                continue
            drawn = (
                chr(ord(char) + 0xFEE0)
                if wide and "!" <= char <= "~" and chr(ord(char) + 0xFEE0) in cjk.glyphs
                else char
            )
            first, second = (latin, cjk) if drawn < "\u2000" else (cjk, latin)
            glyph = first.glyphs.get(drawn) or second.glyphs[drawn]
            x = round(pen) + glyph.left
            placed.append((x, glyph))
            spans.append((x, x + glyph.mask.shape[1]))
            pen += max(1.0, glyph.advance + tracking)
        left = min(0, min(x for x, _ in placed))
        width = int(max(pen, max(x + g.mask.shape[1] for x, g in placed))) - left + 2 * margin + 2
        base = margin + em
        ink = np.zeros((int(1.35 * em) + 2 * margin, width), np.uint8)
        jitter = em * 0.03 if rng.random() < 0.06 else 0.0
        for x, glyph in placed:
            h, w = glyph.mask.shape
            y0 = base + glyph.top + (round(rng.uniform(-jitter, jitter)) if jitter else 0)
            y0 = max(0, min(y0, ink.shape[0] - h))
            x0 = x - left + margin
            view = ink[y0 : y0 + h, x0 : x0 + w]
            np.maximum(view, glyph.mask, out=view)
        rows = np.flatnonzero(ink.max(axis=1) > 40)
        columns = np.flatnonzero(ink.max(axis=0) > 40)
        box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        return InkLine(ink, text, np.asarray(spans, np.float32) + (margin - left), box, em)

    def surround(self, line: InkLine, neighbour: str) -> None:
        """Draw into the line's canvas what a crop may catch of its surroundings: other lines, words, table rules."""
        rng, em = self._rng, line.em_px
        x0, y0, x1, y1 = line.box
        where = rng.random()
        if where < 0.24:
            other = self.set_line(neighbour)
            ox0, oy0, ox1, oy1 = other.box
            piece = other.ink[oy0:oy1, ox0:ox1]
            gap = round(em * rng.uniform(0.06, 0.5))
            top = y1 + gap if rng.random() < 0.5 else y0 - gap - piece.shape[0]
            _stamp(line.ink, piece, x0 + rng.randint(-2 * em, max(1, (x1 - x0) // 2)), top)
        elif where < 0.32:
            other = self.set_line(neighbour)
            ox0, oy0, ox1, oy1 = other.box
            piece = other.ink[oy0:oy1, ox0:ox1]
            gap = round(em * rng.uniform(0.6, 1.0))
            left = x1 + gap if rng.random() < 0.5 else x0 - gap - piece.shape[1]
            _stamp(line.ink, piece, left, y0 + rng.randint(-em // 8, em // 8))
        if rng.random() < 0.22:
            self._rules(line)

    def sliver(self, line: InkLine, left: float, right: float, neighbour: str) -> None:
        """Draw a neighbouring character or a rule, of which a crop from `left` to `right` px just sees the edge."""
        rng, em = self._rng, line.em_px
        seen = round(em * rng.uniform(0.04, 0.2))
        at_right = rng.random() < 0.65
        edge = round(right) - seen if at_right else round(left) + seen
        room = edge - line.box[2] if at_right else line.box[0] - edge
        if room < 0.04 * em:
            return
        if rng.random() < 0.3:
            cv2.line(line.ink, (edge, 0), (edge, line.ink.shape[0]), rng.randint(120, 255), max(1, round(em * 0.05)))
            return
        other = self.set_line(neighbour)
        x0, y0, x1, y1 = other.box
        piece = other.ink[y0:y1, x0:x1]
        _stamp(line.ink, piece, edge if at_right else edge - piece.shape[1], line.box[1] + rng.randint(-2, 2))

    def _rules(self, line: InkLine) -> None:
        rng, em, ink = self._rng, line.em_px, line.ink
        x0, y0, x1, y1 = line.box
        thick, tone = max(1, round(em * rng.uniform(0.02, 0.08))), rng.randint(90, 255)
        for side in rng.sample(("top", "bottom", "bottom", "left", "right"), rng.choice((1, 1, 2))):
            off = round(em * rng.uniform(0.02, 0.35))
            if side in ("top", "bottom"):
                y = y0 - off if side == "top" else y1 + off
                a, b = (0, ink.shape[1]) if rng.random() < 0.8 else (x0, x1)
                dash = rng.random() < 0.15
                for x in range(a, b, 8) if dash else (a,):
                    cv2.line(ink, (x, y), (x + 4 if dash else b, y), tone, thick)
            else:
                x = x0 - off if side == "left" else x1 + off
                cv2.line(ink, (x, 0), (x, ink.shape[0]), tone, thick)


def _by_style(faces: list[Face], share: dict[str, float]) -> list[tuple[float, list[Face]]]:
    groups = [(weight, [f for f in faces if f.font.style == style]) for style, weight in share.items()]
    return [(w, g) for w, g in groups if g]


def _stamp(ink: NDArray[np.uint8], piece: NDArray[np.uint8], x: int, y: int) -> None:
    """Lay a piece of ink onto the canvas, cut at its edges."""
    x0, y0, x1, y1 = max(0, x), max(0, y), min(ink.shape[1], x + piece.shape[1]), min(ink.shape[0], y + piece.shape[0])
    if x1 > x0 and y1 > y0:
        view = ink[y0:y1, x0:x1]
        np.maximum(view, piece[y0 - y : y1 - y, x0 - x : x1 - x], out=view)
