"""Draw a run's log: `python -m training.recogniser.curves --run training/runs/crnn --out models/crnn-s/curves.svg`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt


def read_log(path: Path) -> list[dict[str, Any]]:
    """The entries of a run's log.jsonl, oldest first."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def draw_curves(entries: list[dict[str, Any]], out: Path) -> None:
    """Loss per character and learning rate on the left, validation on the right, over minutes of training."""
    steps = [e for e in entries if "ctc" in e]
    checks = [e for e in entries if "validation" in e]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4), constrained_layout=True)
    left.semilogy([e["minutes"] for e in steps], [e["ctc"] for e in steps], linewidth=1)
    left.set(xlabel="minutes", ylabel="CTC loss per character")
    for name in checks[-1]["validation"] if checks else ():
        right.plot([e["minutes"] for e in checks], [e["validation"][name]["lines"] for e in checks], "o-", label=name)
    right.set(xlabel="minutes", ylabel="validation lines read in full", ylim=(0, 1))
    right.legend(loc="lower right")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    draw_curves(read_log(a.run / "log.jsonl"), a.out)


if __name__ == "__main__":
    main()
