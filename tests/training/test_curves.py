from __future__ import annotations

from pathlib import Path
from typing import Any

from training.recogniser.curves import draw_curves


def test_curves_are_drawn_from_losses_and_validations(tmp_path: Path) -> None:
    scores = {"clean": {"lines": 0.5, "cer": 0.1}}
    entries: list[dict[str, Any]] = [
        {"minutes": 1.0, "ctc": 3.0},
        {"minutes": 2.0, "ctc": 0.5},
        {"minutes": 2.0, "validation": scores},
    ]
    draw_curves(entries, tmp_path / "curves.svg")
    assert "<svg" in (tmp_path / "curves.svg").read_text()
