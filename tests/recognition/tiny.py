"""A model package whose tiny graph reads grey levels: nothing is trained, every answer is known beforehand."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ocrsvc.recognition.charset import Charset
from ocrsvc.recognition.line import LineCrop

CHARSET = Charset(tuple("0123456789"))
STRIDE_PX = 4
GREY_STEP = 20
BLANK_GREY = 0


def line_that_reads(text: str) -> LineCrop:
    """A line on which the tiny graph reads these digits: a step of grey 20 is "0", of 40 is "1", black is the blank."""
    steps = [BLANK_GREY]
    for digit in text:
        steps += [GREY_STEP * CHARSET.encode(digit)[0], BLANK_GREY]
    return LineCrop(np.tile(np.repeat(np.array(steps, dtype=np.uint8), STRIDE_PX), (32, 1)))


def tiny_graph(
    *,
    classes: int = CHARSET.classes,
    ids_type: int = TensorProto.INT64,
    input_type: int = TensorProto.UINT8,
    height_px: int = 32,
    probs: str = "probs",
    shift: int = 0,
    metadata: dict[str, str] | None = None,
) -> onnx.ModelProto:
    """Scores each step by its distance to the grey of each class, then softmax and the best three.

    `shift` turns the greys of the classes round: with -1, black is the last class.
    """
    constants: dict[str, NDArray[Any]] = {
        "fold": np.array([0, height_px, -1, STRIDE_PX], dtype=np.int64),
        "over": np.array([1, 3], dtype=np.int64),
        "last": np.array([2], dtype=np.int64),
        "levels": np.roll(np.arange(classes, dtype=np.float32) * GREY_STEP, shift),
        "sharpness": np.array(-0.01, dtype=np.float32),
        "three": np.array([3], dtype=np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["lines"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["grey", "fold"], ["folded"]),
        helper.make_node("ReduceMean", ["folded", "over"], ["means"], keepdims=0),
        helper.make_node("Unsqueeze", ["means", "last"], ["columns"]),
        helper.make_node("Sub", ["columns", "levels"], ["distances"]),
        helper.make_node("Mul", ["distances", "distances"], ["squares"]),
        helper.make_node("Mul", ["squares", "sharpness"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["all"], axis=-1),
        helper.make_node("TopK", ["all", "three"], [probs, "top"], axis=-1),
        helper.make_node("Cast", ["top"], ["ids"], to=ids_type),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("lines", input_type, ["batch", height_px, "width"])],
        [
            helper.make_tensor_value_info("ids", ids_type, ["batch", "steps", 3]),
            helper.make_tensor_value_info(probs, TensorProto.FLOAT, ["batch", "steps", 3]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, metadata or {})
    return model


def write_package(folder: Path, model: onnx.ModelProto | bytes | None = None, **changes: Any) -> Path:
    """Write a package that fits together, but for `changes` to its manifest; None removes an entry."""
    folder.mkdir(parents=True, exist_ok=True)
    content = model if isinstance(model, bytes) else (model or tiny_graph()).SerializeToString()
    (folder / "model.onnx").write_bytes(content)
    (folder / "labels.txt").write_bytes(CHARSET.to_bytes())
    manifest: dict[str, Any] = {
        "name": folder.name,
        "kind": "recogniser",
        "version": "1",
        "file": "model.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "labels": "labels.txt",
        "labels_sha256": CHARSET.sha256,
        "input": {"name": "lines", "dtype": "uint8", "height_px": 32, "layout": "NHW"},
        "outputs": {"ids": "ids", "probs": "probs"},
        "stride_px": STRIDE_PX,
        "blank": 0,
        "classes": CHARSET.classes,
        "precision": "float32",
    } | changes
    kept = {key: value for key, value in manifest.items() if value is not None}
    (folder / "model.json").write_text(json.dumps(kept), encoding="utf-8")
    return folder
