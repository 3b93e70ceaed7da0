"""The validation set: synthetic lines by condition, in fonts that training never sees, always the same."""

from __future__ import annotations

from functools import lru_cache

from training.synth.lines import LineSynthesiser, TrainingLine, faces

CONDITIONS = {
    "clean": (1, 24, 0.0),
    "scan": (1, 24, 0.4),
    "photo": (1, 24, 0.75),
    "long": (30, 60, 0.2),
    "short": (1, 2, 0.2),
}
"""Name: fewest and most characters, and how bad the picture is."""


@lru_cache(maxsize=2)
def validation_lines(count: int) -> dict[str, list[TrainingLine]]:
    """`count` lines of each condition."""
    source = LineSynthesiser(20_240_601, *faces(held_out=True))
    return {name: [source.draw(*limits) for _ in range(count)] for name, limits in CONDITIONS.items()}
