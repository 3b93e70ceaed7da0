"""Static int8 of the recogniser's graph: convolutions, sums and the class layer; the BiLSTM stays float32.

Weights are int8 per channel, activations uint8 with fixed ranges, so that a line reads the same in any batch. The LSTM
and its bottleneck are kept in float: they are a tenth of the work, and dynamic quantisation, the only kind that ONNX
Runtime has for LSTMs, takes its scale over the whole batch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

QUANTISED = ["Conv", "Relu", "Add", "Gemm"]
KEPT_FLOAT = ["bottleneck", "group_start", "best_classes"]


class LineReader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Feeds padded batches uint8 [N, 32, W] to the calibration."""

    def __init__(self, batches: Iterator[NDArray[np.uint8]]) -> None:
        self._batches = batches

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next batch, or None at the end."""
        batch = next(self._batches, None)
        return None if batch is None else {"lines": batch}


def quantise(
    model: onnx.ModelProto, batches: Iterator[NDArray[np.uint8]], *, percentile: float | None
) -> onnx.ModelProto:
    """An int8 form of a graph made by `build_graph`.

    Args:
        model: the float32 graph.
        batches: padded lines like those in training, a few hundred in all.
        percentile: of activations that keep their value, such as 99.999; None takes the largest seen.
    """
    method = CalibrationMethod.MinMax if percentile is None else CalibrationMethod.Percentile
    options: dict[str, object] = {"OpTypesToExcludeOutputQuantization": ["Gemm"], "WeightSymmetric": True}
    if percentile is not None:
        options["CalibPercentile"] = percentile
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        quantize_static(
            source,
            made,
            LineReader(batches),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=QUANTISED,
            nodes_to_exclude=KEPT_FLOAT,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=method,
            extra_options=options,
        )
        quantised = onnx.load(made)
    _feed_bytes(quantised)
    onnx.checker.check_model(quantised, full_check=True)
    return quantised


def _feed_bytes(model: onnx.ModelProto) -> None:
    """Let the first convolution take the picture's own bytes, in place of quantising what was just dequantised."""
    nodes = {n.output[0]: n for n in model.graph.node}
    pixels = nodes["pixels"]
    again = [n for n in model.graph.node if n.op_type == "QuantizeLinear" and n.input[0] == "pixels"]
    for quantise_node in again:
        for node in model.graph.node:
            if node.op_type == "DequantizeLinear" and node.input[0] == quantise_node.output[0]:
                node.input[:] = pixels.input
        model.graph.node.remove(quantise_node)
    if again:
        model.graph.node.remove(pixels)
