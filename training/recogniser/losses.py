"""CTC over sampled classes, and frame-wise cross-entropy where the places of characters are known."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED = -100
BLANK_WEIGHT = 0.25


@dataclass(frozen=True, slots=True)
class Targets:
    """What a batch says.

    `flat` int64 [sum of lengths] classes of all lines, `lengths` int64 [N]; `frames` int64 [N, T]: the class at each
    character's centre step, 0 (blank) where no character is near, IGNORED elsewhere; `steps` int64 [N] steps that see
    the line or its padding (all of T).
    """

    flat: Tensor
    lengths: Tensor
    frames: Tensor
    steps: Tensor


def sampled_classes(targets: Targets, classes: int, extra: int) -> tuple[Tensor, Tensor]:
    """The classes that a step computes: blank, all that the batch holds, and `extra` random others.

    Returns:
        (int64 [K] class ids with the blank first, int64 [classes] from class id to its place in [K]).
    """
    present = torch.zeros(classes, dtype=torch.bool)
    present[targets.flat.cpu()] = True
    if extra:
        present[torch.randint(1, classes, (extra,))] = True
    else:
        present[:] = True
    present[0] = True
    chosen = present.nonzero()[:, 0]
    place = torch.zeros(classes, dtype=torch.int64)
    place[chosen] = torch.arange(len(chosen))
    return chosen.to(targets.flat.device), place.to(targets.flat.device)


def line_losses(
    features: Tensor, weight: Tensor, bias: Tensor, targets: Targets, extra: int, with_frames: bool
) -> tuple[Tensor, Tensor]:
    """(CTC loss per character, frame loss) of a batch.

    Args:
        features: [N, T, bottleneck].
        weight: [classes, bottleneck] of the head.
        bias: [classes] of the head.
        targets: what the batch says.
        extra: how many random classes besides the batch's own are computed; 0 means all classes.
        with_frames: whether the frame loss is wanted; it is 0 otherwise.
    """
    chosen, place = sampled_classes(targets, weight.shape[0], extra)
    logits = F.linear(features, weight[chosen], bias[chosen]).float()
    log_probs = logits.log_softmax(-1)
    ctc = (
        F.ctc_loss(
            log_probs.transpose(0, 1),
            place[targets.flat],
            targets.steps,
            targets.lengths,
            reduction="sum",
            zero_infinity=True,
        )
        / targets.lengths.sum()
    )
    if not with_frames:
        return ctc, ctc.new_zeros(())
    known = targets.frames != IGNORED
    wanted = place[targets.frames[known]]
    loss = F.nll_loss(log_probs[known], wanted, reduction="none")
    share = torch.where(wanted == 0, BLANK_WEIGHT, 1.0)
    return ctc, (loss * share).sum() / share.sum()
