"""From the three best classes of each step to text, with a span and other readings for every character."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ocrsvc.recognition.charset import BLANK, Charset

_LEAST_PROBABILITY = 1e-9
_SPACE_GAP = 0.45  # of a character: wider gaps are written as a space
_REACH = 1.5  # a character reaches at most this far towards the farther neighbour, in half distances to the nearer one


@dataclass(frozen=True, slots=True)
class CharReading:
    """One character of a line.

    Attributes:
        text: the character.
        start: left end of its span, as a fraction of the unpadded crop's width, in [0, 1].
        end: right end; not below `start`. Spans of one line do not overlap.
        confidence: the highest probability over its run of steps, in [0, 1].
        alternatives: at most two other readings at its steps with their probabilities, best first.
    """

    text: str
    start: float
    end: float
    confidence: float
    alternatives: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class LineText:
    """What a line reads.

    Attributes:
        text: its characters; no space at the ends, single spaces within. "" when nothing was read.
        confidence: geometric mean of its characters' probabilities, in [0, 1]; 0 for "".
        chars: one reading for each character of `text`.
    """

    text: str
    confidence: float
    chars: tuple[CharReading, ...]


def decode_top3(
    ids: NDArray[np.integer],
    probs: NDArray[np.float32],
    charset: Charset,
    stride_px: float,
    width_px: int,
) -> LineText:
    """Read one line by its best path: top class of each step, repeats merged, blanks dropped.

    Best-path decoding of Graves et al., ICML 2006, section 3.2. A span is centred on the character's run of steps and
    reaches half-way to its neighbours; a space takes what lies between its neighbours' spans.

    Args:
        ids: [steps, 3] classes of each step, best first.
        probs: [steps, 3] their probabilities (softmax).
        charset: the model's characters.
        stride_px: columns of the padded crop that one step covers.
        width_px: width of the crop before padding. Steps past it see padding only and are not read, but for one, as
            the last character may fire a step late.

    Raises:
        IndexError: a class that the charset lacks.
    """
    steps = min(len(ids), math.ceil(width_px / stride_px) + 1)
    best = ids[:steps, 0]
    starts = np.flatnonzero(np.concatenate((np.ones(min(steps, 1), dtype=np.bool_), best[1:] != best[:-1])))
    if steps == 0 or not best.any():
        return _EMPTY
    ends = np.append(starts[1:], steps)
    kept = best[starts] != BLANK
    peaks = np.maximum.reduceat(probs[:steps, 0], starts)[kept].tolist()
    starts, ends = starts[kept], ends[kept]
    texts = [charset.by_class[number] for number in best[starts].tolist()]
    centres = ((starts + ends) * (stride_px / 2 / width_px)).tolist()
    others = _alternatives(ids[:steps, 1:], probs[:steps, 1:], starts.tolist(), ends.tolist(), charset)
    chosen = _without_spare_spaces(texts)
    texts = [texts[i] for i in chosen]
    spans = _spans(texts, [centres[i] for i in chosen])
    return _line_text(
        [
            CharReading(text, start, end, min(1.0, peaks[i]), others[i])
            for i, text, (start, end) in zip(chosen, texts, spans, strict=True)
        ]
    )


def join_lines(parts: Sequence[LineText], widths_px: Sequence[int]) -> LineText:
    """Put the readings of a line's pieces (`line.split_wide`) together again.

    A space is written at a cut whose gap is wider than 0.45 of a character, as within a line.

    Args:
        parts: readings of the pieces, from left to right.
        widths_px: their widths, which add up to the line's.
    """
    total = sum(widths_px)
    chars: list[CharReading] = []
    left = 0
    for part, width in zip(parts, widths_px, strict=True):
        moved = [
            CharReading(
                c.text, (left + c.start * width) / total, (left + c.end * width) / total, c.confidence, c.alternatives
            )
            for c in part.chars
        ]
        if chars and moved and (gap := _gap(chars, moved)) is not None:
            chars.append(gap)
        chars += moved
        left += width
    return _line_text(chars)


def _gap(before: list[CharReading], after: list[CharReading]) -> CharReading | None:
    """The space between two pieces, as sure as the less sure of its neighbours; None where they touch."""
    last, first = before[-1], after[0]
    typical = float(np.median([c.end - c.start for c in (*before, *after) if c.text != " "]))
    if first.start - last.end <= _SPACE_GAP * typical:
        return None
    return CharReading(" ", last.end, first.start, min(last.confidence, first.confidence), ())


def _line_text(chars: list[CharReading]) -> LineText:
    if not chars:
        return _EMPTY
    logs = math.fsum(math.log(max(char.confidence, _LEAST_PROBABILITY)) for char in chars)
    return LineText("".join([char.text for char in chars]), math.exp(logs / len(chars)), tuple(chars))


def _without_spare_spaces(texts: list[str]) -> list[int]:
    """Indices to keep: no space at either end, one for each run of them."""
    chosen = [i for i, text in enumerate(texts) if text != " " or (i > 0 and texts[i - 1] != " ")]
    if chosen and texts[chosen[-1]] == " ":
        chosen.pop()
    return chosen


def _alternatives(
    ids: NDArray[np.integer],
    probs: NDArray[np.float32],
    starts: list[int],
    ends: list[int],
    charset: Charset,
) -> list[tuple[tuple[str, float], ...]]:
    """For each run of steps, the two most probable of its second and third classes, blank left out."""
    by_class = charset.by_class
    steps = list(zip(ids.tolist(), probs.tolist(), strict=True))
    found: list[tuple[tuple[str, float], ...]] = []
    for start, end in zip(starts, ends, strict=True):
        highest: dict[int, float] = {}
        for numbers, probabilities in steps[start:end]:
            for number, probability in zip(numbers, probabilities, strict=True):
                if number != BLANK and probability > highest.get(number, -1.0):
                    highest[number] = probability
        ranked = sorted(highest.items(), key=_probability, reverse=True)[:2]
        found.append(tuple([(by_class[number], probability) for number, probability in ranked]))
    return found


def _probability(reading: tuple[int, float]) -> float:
    return reading[1]


def _spans(texts: list[str], centres: list[float]) -> list[tuple[float, float]]:
    """Start and end of each character, from the centres of their runs (both as fractions of the width)."""
    spans: list[tuple[float, float]] = []
    centres = [min(1.0, centre) for centre in centres]
    halves = [(right - left) / 2 for left, right in pairwise(centres)]
    for i, centre in enumerate(centres):
        before = halves[i - 1] if i > 0 else None
        after = halves[i] if i < len(halves) else None
        nearer = min(h for h in (before, after, max(centre, 1.0 - centre)) if h is not None)
        reach_left = nearer if before is None else min(before, _REACH * nearer)
        reach_right = nearer if after is None else min(after, _REACH * nearer)
        spans.append((max(0.0, centre - reach_left), min(1.0, centre + reach_right)))
    for i, text in enumerate(texts):
        if text == " ":  # never first or last
            spans[i] = (spans[i - 1][1], spans[i + 1][0])
    return spans


_EMPTY = LineText("", 0.0, ())
