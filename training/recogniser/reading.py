"""Reading lines with a net in training, by the service's own padding and decoding, and scoring what was read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ocrsvc.recognition.charset import Charset
from ocrsvc.recognition.ctc import decode_top3
from ocrsvc.recognition.line import LineCrop, pad_lines
from training.recogniser.net import STRIDE_PX, Crnn
from training.synth.charset import labels


@lru_cache(maxsize=1)
def charset() -> Charset:
    """The character set of our recogniser."""
    return Charset(tuple(labels()))


def texts_of(logits: Tensor, widths_px: Sequence[int]) -> list[str]:
    """Greedy reading of logits [N, T, classes] of lines of these widths, as the service decodes."""
    probs, ids = logits.float().softmax(-1).topk(3, dim=-1)
    rows = zip(ids.cpu().numpy(), probs.cpu().numpy(), widths_px, strict=True)
    return [decode_top3(i, p, charset(), STRIDE_PX, w).text for i, p, w in rows]


@torch.no_grad()
def read_lines(net: Crnn, lines: Sequence[LineCrop], columns: int = 8192) -> list[str]:
    """Read lines in bucket batches of at most `columns` padded columns; results in order. Sets the net to eval."""
    net.eval()
    device = next(net.parameters()).device
    out = [""] * len(lines)
    buckets: dict[int, list[int]] = defaultdict(list)
    for i, line in enumerate(lines):
        buckets[line.bucket_px].append(i)
    for bucket, rows in buckets.items():
        room = max(1, columns // bucket)
        for at in range(0, len(rows), room):
            some = rows[at : at + room]
            logits = net(torch.from_numpy(pad_lines([lines[i] for i in some])).to(device))
            for i, text in zip(some, texts_of(logits, [lines[i].width_px for i in some]), strict=True):
                out[i] = text
    return out


@dataclass(frozen=True, slots=True)
class Score:
    """`line_accuracy`: share of lines read in full; `cer`: edit distance over true length; `lines`: how many."""

    line_accuracy: float
    cer: float
    lines: int


def edit_distance(a: str, b: str) -> int:
    """Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def score(truth: Sequence[str], read: Sequence[str]) -> Score:
    """Compare readings with the truth, white space left out."""
    pairs = [("".join(t.split()), "".join(r.split())) for t, r in zip(truth, read, strict=True)]
    errors = sum(edit_distance(t, r) for t, r in pairs)
    return Score(
        sum(t == r for t, r in pairs) / max(1, len(pairs)), errors / max(1, sum(len(t) for t, _ in pairs)), len(pairs)
    )
