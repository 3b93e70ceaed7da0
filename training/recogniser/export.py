"""Make the model package: `python -m training.recogniser.export --weights W --package models/NAME --precision int8`.

Takes a run's checkpoint or saved weights, folds and writes the ONNX graph, quantises it if asked to, and writes labels,
manifest and checksums beside it. Scores are added by `python -m training.recogniser.evaluate --package ... --write`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from training.recogniser.batches import make_batches
from training.recogniser.graph import build_graph, largest_difference
from training.recogniser.net import STRIDE_PX
from training.recogniser.quantise import quantise
from training.recogniser.reading import charset
from training.recogniser.weights import averaged_net, training_facts
from training.synth.lines import MODEL_HEIGHT_PX, LineSynthesiser, faces

CALIBRATION_SEED = 77
VERSION = "1"


def calibration_batches(count: int) -> Iterator[NDArray[np.uint8]]:
    """Padded batches of lines as in the last part of training, in the order of their making."""
    source = LineSynthesiser(CALIBRATION_SEED, *faces(held_out=False))
    batches = make_batches(source, 4096, SimpleNamespace(value=1.0), CALIBRATION_SEED)
    return (b.lines for b in islice(batches, count))


def write_package(folder: Path, model: onnx.ModelProto, precision: str, facts: dict[str, Any]) -> None:
    """Write model.onnx, labels.txt and model.json; `facts` is what the card says about the training."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = charset()
    model.metadata_props.clear()
    for key, value in (("classes", str(labels.classes)), ("labels_sha256", labels.sha256)):
        model.metadata_props.add(key=key, value=value)
    data = model.SerializeToString(deterministic=True)
    (folder / "model.onnx").write_bytes(data)
    (folder / "labels.txt").write_bytes(labels.to_bytes())
    manifest = {
        "name": folder.name,
        "kind": "recogniser",
        "version": VERSION,
        "default": True,
        "file": "model.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "labels": "labels.txt",
        "labels_sha256": labels.sha256,
        "input": {"name": "lines", "dtype": "uint8", "layout": "NHW", "height_px": MODEL_HEIGHT_PX},
        "outputs": {"ids": "ids", "probs": "probs"},
        "stride_px": STRIDE_PX,
        "blank": 0,
        "classes": labels.classes,
        "precision": precision,
        "training": facts,
        "scores": {},
        "licence": "Apache-2.0",
    }
    (folder / "model.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line and write the package."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True, help="checkpoint.pt of a run, or saved weights")
    parser.add_argument("--package", type=Path, required=True, help="folder to write, such as models/crnn-s")
    parser.add_argument("--precision", choices=("float32", "int8"), default="int8")
    parser.add_argument("--percentile", type=float, help="of activations that int8 keeps; default: the largest seen")
    parser.add_argument("--calibration-batches", type=int, default=60)
    a = parser.parse_args()
    net = averaged_net(a.weights)
    model = build_graph(net)
    print("graph against net, largest difference:", largest_difference(net, model, next(calibration_batches(1))))
    if a.precision == "int8":
        model = quantise(model, calibration_batches(a.calibration_batches), percentile=a.percentile)
    write_package(a.package, model, a.precision, training_facts(a.weights))
    print(f"{a.package}: {(a.package / 'model.onnx').stat().st_size / 1e6:.2f} MB {a.precision}")


if __name__ == "__main__":
    main()
