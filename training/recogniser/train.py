"""Train the recogniser: `python -m training.recogniser.train --run training/runs/crnn --minutes 110`.

Runs on a CUDA GPU where there is one, else in bf16 on the CPU. The run's length is counted in minutes of training, so
that the learning rate has come down when they are over, whatever the machine. Stop it at any time and start it again:
it goes on from its last checkpoint. While a file PAUSE lies in the run's folder it waits.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.recogniser.batches import Batch, BatchSource
from training.recogniser.losses import line_losses
from training.recogniser.net import Crnn, NetShape
from training.recogniser.reading import charset, read_lines, score, texts_of
from training.recogniser.validation import validation_lines
from training.recogniser.weights import load_weights

FRAMES_UNTIL = 0.4
"""Stage after which the frame loss is gone."""


@dataclass(slots=True)
class Options:
    """What a run is started with."""

    run: Path
    minutes: float
    columns: int
    workers: int
    peak_rate: float
    extra_classes: int
    init: Path | None
    seed: int
    stage_from: float = 0.0
    warm_up_steps: int = 200
    ema_decay: float = 0.999
    clip: float = 5.0


@dataclass(slots=True)
class Progress:
    """How far a run is."""

    seconds: float = 0.0
    steps: int = 0
    lines: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)


class Trainer:
    """Owns net, average, optimiser and log of one run."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(options.seed)
        net = Crnn(NetShape(classes=charset().classes))
        if options.init:
            load_weights(net, options.init)
        self.net = net.to(self.device)
        self.average = copy.deepcopy(self.net).requires_grad_(False)
        plain = [p for p in self.net.parameters() if p.ndim < 2]
        decayed = [p for p in self.net.parameters() if p.ndim >= 2]
        groups = [{"params": decayed, "weight_decay": 1e-4}, {"params": plain, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=options.peak_rate, betas=(0.9, 0.99))
        self.progress = Progress()
        self.checkpoint = options.run / "checkpoint.pt"
        options.run.mkdir(parents=True, exist_ok=True)

    @property
    def share(self) -> float:
        """Share of the run that is done, in [0, 1]."""
        return min(1.0, self.progress.seconds / (60 * self.options.minutes))

    @property
    def stage(self) -> float:
        """How far the curriculum is, in [0, 1]: a round that starts from trained weights leaves out its beginning."""
        return self.options.stage_from + (1 - self.options.stage_from) * self.share

    def rate(self) -> float:
        """Learning rate: linear warm-up, then a cosine to 2 % of the peak."""
        warm = min(1.0, (self.progress.steps + 1) / self.options.warm_up_steps)
        return self.options.peak_rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * self.share)))

    def resume(self) -> None:
        """Go on from the run's checkpoint, if there is one."""
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.progress = Progress(state["seconds"], state["steps"], state["lines"])

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "seconds": self.progress.seconds,
            "steps": self.progress.steps,
            "lines": self.progress.lines,
            "shape": self.net.shape.as_dict(),
        }
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        os.replace(part, self.checkpoint)

    def step(self, batch: Batch) -> dict[str, float]:
        """One update; returns its losses and, on every 50th, the share of lines read in full over all classes."""
        full = self.progress.steps % 50 == 0
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        self.net.train()
        lines = torch.from_numpy(batch.lines).to(self.device, non_blocking=True)
        targets = batch.targets(self.device)
        frame_weight = max(0.0, 1 - self.stage / FRAMES_UNTIL)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            features = self.net.features(lines)
        extra = 0 if full else self.options.extra_classes
        ctc, frames = line_losses(
            features.float(), self.net.head.weight, self.net.head.bias, targets, extra, frame_weight > 0
        )
        loss = (1 - 0.7 * frame_weight) * ctc + frame_weight * frames
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.options.clip)
        if torch.isfinite(norm):
            self.optimiser.step()
        self._follow()
        out = {"ctc": ctc.item(), "frames": frames.item()}
        if full:
            out["read"] = self._share_read(features.detach().float(), batch)
        self.progress.steps += 1
        self.progress.lines += len(batch.lines)
        return out

    @torch.no_grad()
    def _share_read(self, features: Tensor, batch: Batch) -> float:
        logits = torch.nn.functional.linear(features, self.net.head.weight, self.net.head.bias)
        read = texts_of(logits, [batch.lines.shape[2]] * len(batch.lines))
        at, right = 0, 0
        for text, length in zip(read, batch.lengths, strict=True):
            right += text.replace(" ", "") == charset().decode(batch.flat[at : at + length].tolist()).replace(" ", "")
            at += length
        return right / len(read)

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self.options.ema_decay, (1 + self.progress.steps) / (10 + self.progress.steps))
        mine, theirs = list(self.average.state_dict().values()), list(self.net.state_dict().values())
        floats = [(a, b) for a, b in zip(mine, theirs, strict=True) if a.is_floating_point()]
        torch._foreach_lerp_([a for a, _ in floats], [b for _, b in floats], 1 - decay)

    def validate(self, count: int) -> dict[str, Any]:
        """Score the averaged weights on the validation lines."""
        out = {}
        for name, rows in validation_lines(count).items():
            s = score([r.text for r in rows], read_lines(self.average, [r.crop for r in rows]))
            out[name] = {"lines": round(s.line_accuracy, 4), "cer": round(s.cer, 4)}
        return out

    def log(self, **values: Any) -> None:
        """Add a line to the run's log."""
        p = self.progress
        entry = {"step": p.steps, "minutes": round(p.seconds / 60, 2), "lines": p.lines, **values}
        with (self.options.run / "log.jsonl").open("a") as f:
            f.write(json.dumps(entry, ensure_ascii=False) + "\n")
        print(entry, flush=True)


def train(options: Options) -> None:
    """Run to the end."""
    trainer = Trainer(options)
    trainer.resume()
    validation_lines(200)
    with BatchSource(options.workers, options.columns, options.seed + trainer.progress.steps) as source:
        saved = validated = time.monotonic()
        seen: dict[str, list[float]] = defaultdict(list)
        since = time.monotonic()
        lines_then = trainer.progress.lines
        while trainer.share < 1:
            while (options.run / "PAUSE").exists():
                time.sleep(1)
                since += 1
            source.progress.value = trainer.stage
            start = time.monotonic()
            for k, v in trainer.step(source.next_batch()).items():
                seen[k].append(v)
            trainer.progress.seconds += time.monotonic() - start
            if trainer.progress.steps % 100 == 0:
                speed = (trainer.progress.lines - lines_then) / (time.monotonic() - since)
                means = {k: round(sum(v) / len(v), 4) for k, v in seen.items()}
                trainer.log(rate=round(trainer.rate(), 6), lines_per_s=round(speed), **means)
                since, lines_then = time.monotonic(), trainer.progress.lines
                seen.clear()
            if time.monotonic() - saved > 180:
                trainer.save()
                saved = time.monotonic()
            if time.monotonic() - validated > 900:
                trainer.log(validation=trainer.validate(200))
                validated = time.monotonic()
        trainer.save()
        trainer.log(validation=trainer.validate(200))


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoint and log")
    parser.add_argument("--minutes", type=float, default=110)
    parser.add_argument("--columns", type=int, default=12_288, help="padded columns of a batch")
    parser.add_argument("--workers", type=int, default=1, help="processes that make lines")
    parser.add_argument("--peak-rate", type=float, default=2.5e-3)
    parser.add_argument("--extra-classes", type=int, default=1000)
    parser.add_argument("--init", type=Path, help="weights to start from")
    parser.add_argument("--stage-from", type=float, default=0.0, help="0.6 with --init: long lines at once, CTC alone")
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    train(Options(a.run, a.minutes, a.columns, a.workers, a.peak_rate, a.extra_classes, a.init, a.seed, a.stage_from))


if __name__ == "__main__":
    main()
