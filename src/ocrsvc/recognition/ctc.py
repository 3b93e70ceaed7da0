"""From the three best classes of each step to text, with a span and other readings for every character."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocrsvc.recognition.charset import BLANK, Charset

_LEAST_PROBABILITY = 1e-9
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
    if not best.any():  # blanks alone, or no step at all
        return _EMPTY
    changes = np.flatnonzero(best[1:] != best[:-1]) + 1
    starts = np.concatenate((_FIRST, changes))
    lengths = np.concatenate((changes, [steps])) - starts
    kept = best[starts] != BLANK
    peaks: list[float] = np.minimum(np.maximum.reduceat(probs[:steps, 0], starts)[kept], 1.0).tolist()
    others = _alternatives(ids[:steps, 1:], probs[:steps, 1:], lengths, kept, charset)
    texts = [charset.by_class[number] for number in best[starts[kept]].tolist()]
    centres = (starts + lengths / 2)[kept] * (stride_px / width_px)
    if " " in texts:
        chosen = _without_spare_spaces(texts)
        texts, centres = [texts[i] for i in chosen], centres[chosen]
        peaks, others = [peaks[i] for i in chosen], [others[i] for i in chosen]
    left, right = _spans(texts, centres)
    return _line_text([CharReading(*reading) for reading in zip(texts, left, right, peaks, others, strict=True)])


def _line_text(chars: list[CharReading]) -> LineText:
    if not chars:
        return _EMPTY
    logs = math.fsum([math.log(max(char.confidence, _LEAST_PROBABILITY)) for char in chars])
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
    lengths: NDArray[np.integer],
    kept: NDArray[np.bool_],
    charset: Charset,
) -> list[tuple[tuple[str, float], ...]]:
    """For each kept run of steps, the two most probable of its second and third classes, blank left out.

    Args:
        ids: [steps, 2] second and third classes.
        probs: [steps, 2] their probabilities.
        lengths: [runs] steps of each run.
        kept: [runs] whether the run is a character.
        charset: the model's characters.
    """
    run = np.where(kept, np.cumsum(kept), 0).repeat(2 * lengths)  # 0 for blanks, characters from 1
    read = (run > 0) & (ids.ravel() != BLANK)
    run, numbers, ranks = run[read], ids.ravel()[read], probs.ravel()[read]
    order = np.lexsort((-ranks, run))
    found: list[dict[int, float]] = [{} for _ in range(int(np.count_nonzero(kept)))]
    for character, number, probability in zip(
        run[order].tolist(), numbers[order].tolist(), ranks[order].tolist(), strict=True
    ):
        readings = found[character - 1]
        if len(readings) < 2:
            readings.setdefault(number, probability)
    by_class = charset.by_class
    return [tuple([(by_class[number], p) for number, p in readings.items()]) for readings in found]


def _spans(texts: list[str], centres: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Starts and ends of the characters, from the centres of their runs (all as fractions of the width)."""
    centres = np.minimum(centres, 1.0)
    if not len(centres):
        return [], []
    halves = (centres[1:] - centres[:-1]) / 2
    if len(halves):
        before, after = np.concatenate((halves[:1], halves)), np.concatenate((halves, halves[-1:]))
    else:
        before = after = np.maximum(centres, 1.0 - centres)  # a single character: all of the line
    limit = _REACH * np.minimum(before, after)
    left: list[float] = np.maximum(centres - np.minimum(before, limit), 0.0).tolist()
    right: list[float] = np.minimum(centres + np.minimum(after, limit), 1.0).tolist()
    for i, text in enumerate(texts):
        if text == " ":  # never first or last
            left[i], right[i] = right[i - 1], left[i + 1]
    return left, right


_FIRST = np.zeros(1, dtype=np.intp)
_EMPTY = LineText("", 0.0, ())
