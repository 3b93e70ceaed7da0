"""Summaries of durations, the machine they were taken on, and the JSON that is written."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from ocrsvc.cli.machine import describe_machine


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile (nearest rank) in seconds; zeros where there is nothing."""
    ranked = sorted(seconds)
    if not ranked:
        return {"p50_s": 0.0, "p95_s": 0.0}
    return {"p50_s": round(median(ranked), 4), "p95_s": round(ranked[max(0, math.ceil(0.95 * len(ranked)) - 1)], 4)}


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that every script takes."""
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="pictures to send; default: two drawn pages")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")


def report(figures: dict[str, Any], path: Path | None) -> None:
    """Print figures, one a line, and write them with the machine's description."""
    for name, value in figures.items():
        print(f"{name:>24}  {value}")
    if path is not None:
        content = {"machine": describe_machine(), **figures}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
