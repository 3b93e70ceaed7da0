"""The state that passes between rounds of training: averaged weights in float16."""

from __future__ import annotations

from pathlib import Path

import torch

from training.recogniser.net import Crnn, NetShape


def save_weights(checkpoint: Path, path: Path) -> None:
    """Write the averaged weights of a run's checkpoint as float16, with the net's shape."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    half = {k: v.half() if v.is_floating_point() else v for k, v in state["average"].items()}
    facts = {k: state[k] for k in ("shape", "seconds", "steps", "lines")}
    torch.save({"weights": half, **facts}, path)


def load_weights(net: Crnn, path: Path) -> None:
    """Fill a net of the same shape with saved weights."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state["weights"].items()})


def averaged_net(path: Path) -> Crnn:
    """The net of a checkpoint or of saved weights, averaged, on the CPU, in eval mode."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    weights = state["average"] if "average" in state else state["weights"]
    net = Crnn(NetShape(**state["shape"]))
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in weights.items()})
    return net.eval()


def training_facts(path: Path) -> dict[str, object]:
    """What a checkpoint or saved weights know of how they were made."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {
        "net": state["shape"],
        "minutes": round(state["seconds"] / 60, 1),
        "steps": state["steps"],
        "lines": state["lines"],
    }
