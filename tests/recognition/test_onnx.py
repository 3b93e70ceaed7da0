from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from ocrsvc.errors import ModelMismatch
from ocrsvc.recognition.line import LineCrop
from ocrsvc.recognition.onnx import OnnxRecogniser, Recogniser
from ocrsvc.recognition.package import ModelPackage
from tests.fakes import FakeRecogniser
from tests.recognition.tiny import CHARSET, line_that_reads, tiny_graph, write_package


def recogniser(folder: Path, model: Any = None, **changes: Any) -> OnnxRecogniser:
    return OnnxRecogniser(ModelPackage.load(write_package(folder / "tiny", model, **changes)))


def test_lines_are_read_in_their_order(tmp_path: Path) -> None:
    lines = [line_that_reads(text) for text in ("123", "", "9", "011")]
    assert [line.text for line in recogniser(tmp_path).infer(lines)] == ["123", "", "9", "011"]


def test_characters_stand_where_they_are_drawn(tmp_path: Path) -> None:
    (line,) = recogniser(tmp_path).infer([line_that_reads("5" + "37")])
    assert [char.start for char in line.chars] == pytest.approx([0.5 / 7, 2.5 / 7, 4.5 / 7])
    assert line.confidence > 0.9
    assert line.chars[0].alternatives


def test_the_graph_may_give_int32(tmp_path: Path) -> None:
    (line,) = recogniser(tmp_path, tiny_graph(ids_type=TensorProto.INT32)).infer([line_that_reads("42")])
    assert line.text == "42"


def test_a_line_reads_the_same_alone_and_in_company(tmp_path: Path) -> None:
    reader = recogniser(tmp_path)
    lines = [line_that_reads(text) for text in ("1234567", "98765", "0", "112233")]
    lines = [line for line in lines if line.bucket_px == lines[0].bucket_px]
    assert len(lines) > 1
    assert reader.infer(lines) == [reader.infer([line])[0] for line in lines]


def test_threads_share_one_recogniser(tmp_path: Path) -> None:
    reader = recogniser(tmp_path)
    texts = [f"{number:03}" for number in range(60)]
    with ThreadPoolExecutor(4) as threads:
        read = list(threads.map(lambda text: reader.infer([line_that_reads(text)])[0].text, texts))
    assert read == texts


def test_warming_up_reads_blank_lines(tmp_path: Path) -> None:
    recogniser(tmp_path).warm_up()


def test_the_package_is_shown(tmp_path: Path) -> None:
    reader = recogniser(tmp_path)
    assert (reader.name, reader.height_px) == ("tiny", 32)
    assert reader.package.charset == CHARSET


def test_lines_of_another_height_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="32 pixels height"):
        recogniser(tmp_path).infer([LineCrop(np.zeros((48, 64), dtype=np.uint8))])


def test_the_real_and_the_fake_recogniser_are_exchangeable(tmp_path: Path) -> None:
    recognisers: list[Recogniser] = [recogniser(tmp_path), FakeRecogniser()]
    assert [r.height_px for r in recognisers] == [32, 32]


def test_metadata_that_fits_is_accepted(tmp_path: Path) -> None:
    recogniser(tmp_path, tiny_graph(metadata={"classes": "11", "labels_sha256": CHARSET.sha256, "author": "x"}))


@pytest.mark.parametrize(
    ("model", "changes", "message"),
    [
        (b"no graph", {}, "cannot open the graph"),
        (tiny_graph(input_type=TensorProto.FLOAT), {}, r"inputs are {'lines': 'tensor\(float\)'}"),
        (tiny_graph(ids_type=TensorProto.FLOAT), {}, "outputs are .*expected"),
        (tiny_graph(probs="likely"), {}, "outputs are .*likely"),
        (tiny_graph(height_px=48), {}, "does not run on a blank line"),
        (tiny_graph(), {"stride_px": 8}, "outputs .* expected both"),
        (tiny_graph(classes=13), {}, "the graph has class 12, the labels 11"),
        (tiny_graph(metadata={"classes": "12"}), {}, "classes is 12 in the graph and 11"),
        (tiny_graph(metadata={"labels_sha256": "0"}), {}, "labels_sha256 is 0 in the graph"),
    ],
)
def test_a_graph_that_is_not_as_its_manifest_says_is_refused(
    tmp_path: Path, model: Any, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelMismatch, match=message):
        recogniser(tmp_path, model, **changes)


def test_a_class_beyond_the_labels_is_a_fault(tmp_path: Path) -> None:
    reader = recogniser(tmp_path, tiny_graph(classes=12, shift=-1))  # on white, as tried at load, all is well
    with pytest.raises(ModelMismatch, match="class 11 of 11"):
        reader.infer([LineCrop(np.zeros((32, 64), dtype=np.uint8))])
