"""The recogniser on ONNX Runtime: padded lines in, the three best classes of each step out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ocrsvc.errors import ModelMismatch
from ocrsvc.recognition.ctc import LineText, decode_top3
from ocrsvc.recognition.line import LineCrop, bucket_width_px, pad_lines
from ocrsvc.recognition.package import ModelPackage

_TOP = 3
_PROBE_WIDTH_PX = 64
_WARM_WIDTHS_PX = (64, 128, 320, 640, 1280)


class Recogniser(Protocol):
    """Reads line crops. Whatever does so may stand in its place."""

    @property
    def name(self) -> str:
        """Name of the model, as shown to clients."""

    @property
    def height_px(self) -> int:
        """Height of the lines it reads."""

    def infer(self, lines: Sequence[LineCrop]) -> list[LineText]:
        """Read lines of one bucket, blocking; one result a line, in order. Called from several threads at once."""

    def warm_up(self) -> None:
        """Do once what the first requests would otherwise wait for."""


class OnnxRecogniser:
    """One InferenceSession shared by all threads: `run` releases the interpreter's lock and keeps no state.

    What a line reads does not depend on the batch it travels in: each row is padded to its own bucket and the graph
    holds nothing that looks across rows (no dynamic quantisation).
    """

    def __init__(self, package: ModelPackage) -> None:
        """Open the graph and try it on a blank line.

        Raises:
            ModelMismatch: the graph cannot be opened, or it is not what the manifest says.
        """
        self._package = package
        try:
            self._session = onnxruntime.InferenceSession(
                package.model_path, _options(), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own exceptions share no public base
            raise ModelMismatch(f"{package.name}: ONNX Runtime cannot open the graph: {error}") from error
        self._check_graph()

    @property
    def name(self) -> str:
        """Name of the model package."""
        return self._package.name

    @property
    def height_px(self) -> int:
        """Height of the lines it reads."""
        return self._package.height_px

    @property
    def package(self) -> ModelPackage:
        """Where the model came from."""
        return self._package

    def infer(self, lines: Sequence[LineCrop]) -> list[LineText]:
        """Read lines of one bucket, blocking; thread-safe.

        Raises:
            ValueError: the lines are of several buckets, or of another height than the model's.
            ModelMismatch: the graph gave classes that the labels lack.
        """
        if any(line.height_px != self.height_px for line in lines):
            raise ValueError(f"{self.name} reads lines of {self.height_px} pixels height")
        ids, probs = self._run(pad_lines(lines))
        if ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < self._package.charset.classes:
            raise ModelMismatch(f"{self.name}: the graph gave class {ids.max()} of {self._package.charset.classes}")
        return [
            decode_top3(row_ids, row_probs, self._package.charset, self._package.stride_px, line.width_px)
            for row_ids, row_probs, line in zip(ids, probs, lines, strict=True)
        ]

    def warm_up(self, widths_px: Iterable[int] = _WARM_WIDTHS_PX) -> None:
        """Read a blank line of each width, so that the first page finds weights packed and memory mapped."""
        for width_px in widths_px:
            self.infer([LineCrop(np.full((self.height_px, width_px), 255, dtype=np.uint8))])

    def _run(self, batch: NDArray[np.uint8]) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
        """Classes and probabilities [batch, steps, 3] of padded lines."""
        names = [self._package.ids_name, self._package.probs_name]
        ids, probs = self._session.run(names, {self._package.input_name: batch})
        return ids, probs

    def _check_graph(self) -> None:
        """Compare the graph with the manifest: names and types as declared, shapes and classes as they come out."""
        package = self._package
        inputs = {node.name: node.type for node in self._session.get_inputs()}
        outputs = {node.name: node.type for node in self._session.get_outputs()}
        self._demand("inputs", inputs, {package.input_name: ("tensor(uint8)",)})
        self._demand(
            "outputs",
            outputs,
            {package.ids_name: ("tensor(int64)", "tensor(int32)"), package.probs_name: ("tensor(float)",)},
        )
        width_px = bucket_width_px(_PROBE_WIDTH_PX)
        expected = (2, int(width_px // package.stride_px), _TOP)
        try:
            ids, probs = self._run(np.full((2, package.height_px, width_px), 255, dtype=np.uint8))
        except Exception as error:
            raise ModelMismatch(f"{package.name}: the graph does not run on a blank line: {error}") from error
        if ids.shape != expected or probs.shape != expected:
            raise ModelMismatch(f"{package.name}: outputs {ids.shape} and {probs.shape}, expected both {expected}")
        self._check_classes(ids)

    def _check_classes(self, ids: NDArray[np.integer]) -> None:
        """Compare what the graph knows of its classes; exporters may write them into the graph's metadata."""
        package = self._package
        metadata = self._session.get_modelmeta().custom_metadata_map
        expected = {"classes": str(package.charset.classes), "labels_sha256": package.charset.sha256}
        for key, value in expected.items():
            if metadata.get(key, value) != value:
                raise ModelMismatch(f"{package.name}: {key} is {metadata[key]} in the graph and {value} in the package")
        if int(ids.max()) >= package.charset.classes:
            raise ModelMismatch(
                f"{package.name}: the graph has class {ids.max()}, the labels {package.charset.classes}"
            )

    def _demand(self, what: str, found: dict[str, str], expected: dict[str, tuple[str, ...]]) -> None:
        fits = found.keys() == expected.keys() and all(found[name] in types for name, types in expected.items())
        if not fits:
            wanted = {name: " or ".join(types) for name, types in expected.items()}
            raise ModelMismatch(f"{self._package.name}: the graph's {what} are {found}, expected {wanted}")


def _options() -> onnxruntime.SessionOptions:
    """One thread a call, as the pool's threads are the cores; no memory kept that varying widths would only grow.

    The arena never shrinks (https://github.com/microsoft/onnxruntime/issues/11627), and spinning threads would take
    the cores from the other stages.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options
