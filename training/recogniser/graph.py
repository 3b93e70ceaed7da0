"""The trained net as an ONNX graph that takes bytes and gives the three best classes of every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from training.recogniser.net import ConvUnit, Crnn, Residual

OPSET = 17
GROUP = 84
"""Classes are padded to GROUP x GROUP and searched in two levels: the best groups first, then within them."""
NO_CLASS = -1e4
"""Bias of the padding classes, which are never the best."""


class GraphBuilder:
    """Collects nodes and constants; every method returns the name of what it made."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, values: NDArray[np.generic] | Sequence[int], name: str) -> str:
        """A constant; a list of ints becomes int64."""
        array = np.asarray(values) if isinstance(values, np.ndarray) else np.asarray(values, np.int64)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, inputs: Sequence[str], name: str, outputs: int = 1, **attributes: Any) -> str:
        """A node; its first output is called as the node, others get a number."""
        names = [name, *(f"{name}.{i}" for i in range(1, outputs))]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=name, **attributes))
        return name

    def convolution(self, x: str, conv: nn.Conv2d, norm: nn.BatchNorm2d, name: str) -> str:
        """A convolution with its batch normalisation folded in."""
        fused = fuse_conv_bn_eval(conv, norm)
        if not isinstance(fused.bias, Tensor):
            raise TypeError("a fused convolution has a bias")
        weight = self.constant(_array(fused.weight), f"{name}.weight")
        bias = self.constant(_array(fused.bias), f"{name}.bias")
        top, left = (int(p) for p in conv.padding)
        strides = [int(s) for s in conv.stride]
        shape = [int(k) for k in conv.kernel_size]
        pads = [top, left, top, left]
        return self.node("Conv", [x, weight, bias], name, kernel_shape=shape, strides=strides, pads=pads)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(tensor.detach().cpu().float().numpy())


def _body(graph: GraphBuilder, net: Crnn, x: str) -> str:
    for k, unit in enumerate(net.body):
        name = f"body{k}"
        if isinstance(unit, ConvUnit):
            x = graph.node("Relu", [graph.convolution(x, unit.conv, unit.norm, name)], f"{name}.relu")
        elif isinstance(unit, Residual):
            first = graph.convolution(x, unit.first.conv, unit.first.norm, f"{name}.first")
            second = graph.convolution(graph.node("Relu", [first], f"{name}.first.relu"), unit.conv, unit.norm, name)
            x = graph.node("Relu", [graph.node("Add", [second, x], f"{name}.sum")], f"{name}.relu")
        else:
            raise TypeError(f"no graph for {type(unit).__name__}")
    return x


def _lstm_weights(lstm: nn.LSTM) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """PyTorch's gates i, f, g, o in ONNX's order i, o, f, c, for both directions."""

    def ordered(name: str) -> NDArray[np.float32]:
        i, f, g, o = np.split(_array(getattr(lstm, name)), 4)
        return np.concatenate((i, o, f, g))

    ends = ("", "_reverse")
    w = np.stack([ordered(f"weight_ih_l0{e}") for e in ends])
    r = np.stack([ordered(f"weight_hh_l0{e}") for e in ends])
    b = np.stack([np.concatenate((ordered(f"bias_ih_l0{e}"), ordered(f"bias_hh_l0{e}"))) for e in ends])
    return w, r, b


def _sequence(graph: GraphBuilder, net: Crnn, x: str) -> str:
    """[N, C, 1, T] to the bottleneck's [N * T, bottleneck]."""
    x = graph.node("Squeeze", [x, graph.constant([2], "height_axis")], "columns")
    x = graph.node("Transpose", [x], "steps_first", perm=[2, 0, 1])
    w, r, b = (graph.constant(a, f"lstm.{n}") for a, n in zip(_lstm_weights(net.lstm), "wrb", strict=True))
    hidden = net.lstm.hidden_size
    x = graph.node("LSTM", [x, w, r, b], "lstm", direction="bidirectional", hidden_size=hidden)
    x = graph.node("Transpose", [x], "rows_first", perm=[2, 0, 1, 3])
    x = graph.node("Reshape", [x, graph.constant([-1, 2 * hidden], "flat_shape")], "flat")
    weight = graph.constant(_array(net.bottleneck.weight), "bottleneck.weight")
    bias = graph.constant(_array(net.bottleneck.bias), "bottleneck.bias")
    return graph.node("Gemm", [x, weight, bias], "bottleneck", transB=1)


def _top3(graph: GraphBuilder, probs: str, classes: int) -> tuple[str, str]:
    """The three best of each row of [R, GROUP * GROUP], by two small searches in place of one long one."""
    grouped = graph.node("Reshape", [probs, graph.constant([-1, GROUP, GROUP], "groups_shape")], "groups")
    best = graph.node("ReduceMax", [grouped], "group_best", axes=[2], keepdims=0)
    three = graph.constant([3], "three")
    graph.node("TopK", [best, three], "group_top", outputs=2, axis=1)
    index = graph.node("Unsqueeze", ["group_top.1", graph.constant([2], "index_axis")], "group_index")
    members = graph.node("GatherND", [grouped, index], "members", batch_dims=1)
    flat = graph.node("Reshape", [members, graph.constant([-1, 3 * GROUP], "members_shape")], "members_flat")
    graph.node("TopK", [flat, three], "top", outputs=2, axis=1)
    size = graph.constant([GROUP], "group_size")
    slot = graph.node("Div", ["top.1", size], "slot")
    group = graph.node("GatherElements", ["group_top.1", slot], "group", axis=1)
    place = graph.node("Sub", ["top.1", graph.node("Mul", [slot, size], "slot_start")], "place")
    ids = graph.node("Add", [graph.node("Mul", [group, size], "group_start"), place], "best_classes")
    last = graph.constant([classes - 1], "last_class")
    return graph.node("Min", [ids, last], "real_classes"), "top"  # of classes with probability 0, any may come third


def _head(graph: GraphBuilder, net: Crnn, x: str) -> tuple[str, str]:
    classes, padded = net.shape.classes, GROUP * GROUP
    if classes > padded:
        raise ValueError(f"{classes} classes do not fit {GROUP} groups of {GROUP}")
    weight = np.zeros((padded, net.shape.bottleneck), np.float32)
    bias = np.full(padded, NO_CLASS, np.float32)
    weight[:classes], bias[:classes] = _array(net.head.weight), _array(net.head.bias)
    inputs = [x, graph.constant(weight, "head.weight"), graph.constant(bias, "head.bias")]
    probs = graph.node("Softmax", [graph.node("Gemm", inputs, "head", transB=1)], "probabilities", axis=1)
    return _top3(graph, probs, classes)


def build_graph(net: Crnn) -> onnx.ModelProto:
    """A float32 model: `lines` uint8 [N, 32, W] to `ids` int64 and `probs` float32, both [N, W / 4, 3], best first."""
    graph = GraphBuilder()
    scale = graph.constant(np.asarray(1 / 255, np.float32), "grey_scale")
    white = graph.constant(np.asarray(255, np.uint8), "grey_white")
    x = graph.node("Unsqueeze", ["lines", graph.constant([1], "channel_axis")], "pictures")
    x = _body(graph, net.eval(), graph.node("DequantizeLinear", [x, scale, white], "pixels"))
    features = _sequence(graph, net, x)
    ids, probs = _head(graph, net, features)
    rows = graph.node("Shape", ["lines"], "batch_size", start=0, end=1)
    shape = graph.node("Concat", [rows, graph.constant([-1, 3], "answer_tail")], "answer_shape", axis=0)
    graph.node("Reshape", [ids, shape], "ids")
    graph.node("Reshape", [probs, shape], "probs")
    made = helper.make_graph(
        graph.nodes,
        "crnn",
        [helper.make_tensor_value_info("lines", TensorProto.UINT8, ["batch", 32, "width"])],
        [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "steps", 3]),
            helper.make_tensor_value_info("probs", TensorProto.FLOAT, ["batch", "steps", 3]),
        ],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


@torch.no_grad()
def largest_difference(net: Crnn, model: onnx.ModelProto, lines: NDArray[np.uint8]) -> float:
    """How far the graph's probabilities are from the net's on a batch uint8 [N, 32, W]."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    ids, probs = session.run(["ids", "probs"], {"lines": lines})
    wanted = net.eval()(torch.from_numpy(lines)).softmax(-1).numpy()
    return float(np.abs(np.take_along_axis(wanted, ids, axis=2) - probs).max())
