from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ocrsvc.errors import ModelMismatch
from ocrsvc.recognition.package import ModelPackage, default_model_dir, find_package, find_packages
from tests.recognition.tiny import CHARSET, write_package


def test_a_package_that_fits_together_is_loaded(tmp_path: Path) -> None:
    package = ModelPackage.load(write_package(tmp_path / "tiny", licence="Apache-2.0"))
    assert package.name == "tiny"
    assert package.charset == CHARSET
    assert (package.height_px, package.stride_px) == (32, 4)
    assert (package.input_name, package.ids_name, package.probs_name) == ("lines", "ids", "probs")
    assert package.model_path.is_file()
    assert package.manifest["licence"] == "Apache-2.0"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "tiny/model.onnx has checksum .* not 0000"),
        ({"labels_sha256": "0" * 64}, "tiny/labels.txt has checksum"),
        ({"file": "other.onnx"}, "tiny/other.onnx cannot be read: No such file"),
        ({"file": "../tiny/model.onnx"}, "not the name of a file in the package"),
        ({"classes": 12}, "12 classes, but labels.txt holds 10 characters, which with the blank make 11"),
        ({"classes": "11"}, "classes should be of type int"),
        ({"classes": True}, "classes should be of type int"),
        ({"kind": "detector"}, "kind should be 'recogniser', not 'detector'"),
        ({"blank": 11}, "blank should be 0"),
        ({"input": {"name": "lines", "dtype": "float32", "height_px": 32, "layout": "NHW"}}, "input.dtype should be"),
        ({"input": {"name": "lines", "dtype": "uint8", "height_px": 0, "layout": "NHW"}}, "height_px should be at"),
        ({"input": "lines"}, "input.dtype should be of type str, not None"),
        ({"outputs": {"ids": "ids"}}, "outputs.probs should be of type str"),
        ({"stride_px": 0}, "stride_px should be at least 1"),
        ({"name": "other"}, "name should be 'tiny', not 'other'"),
        ({"name": None}, "name should be of type str"),
    ],
)
def test_a_package_that_does_not_fit_together_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    folder = write_package(tmp_path / "tiny", **changes)
    with pytest.raises(ModelMismatch, match=message):
        ModelPackage.load(folder)


@pytest.mark.parametrize(
    ("manifest", "message"), [("{", "is not JSON"), ("[]", "is not a JSON object"), (None, "cannot be read")]
)
def test_a_broken_manifest_is_refused(tmp_path: Path, manifest: str | None, message: str) -> None:
    path = write_package(tmp_path / "tiny") / "model.json"
    if manifest is None:
        path.unlink()
    else:
        path.write_text(manifest)
    with pytest.raises(ModelMismatch, match=message):
        ModelPackage.load(path.parent)


def test_a_changed_label_file_is_refused(tmp_path: Path) -> None:
    folder = write_package(tmp_path / "tiny")
    (folder / "labels.txt").write_text("0123456798")
    with pytest.raises(ModelMismatch, match="checksum"):
        ModelPackage.load(folder)


def test_packages_are_found_by_name_and_other_kinds_left_alone(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_package(tmp_path / name)
    write_package(tmp_path / "lines", kind="detector", labels=None)
    (tmp_path / "notes").mkdir()
    assert [package.name for package in find_packages(tmp_path)] == ["a", "b"]


def test_an_empty_or_missing_folder_holds_no_packages(tmp_path: Path) -> None:
    assert find_packages(tmp_path) == []
    assert find_packages(tmp_path / "missing") == []


def test_the_only_package_is_served(tmp_path: Path) -> None:
    write_package(tmp_path / "a")
    assert find_package(model_dir=tmp_path).name == "a"


def test_a_package_is_served_by_name_or_by_its_mark(tmp_path: Path) -> None:
    write_package(tmp_path / "a")
    write_package(tmp_path / "b", default=True)
    assert find_package(None, tmp_path).name == "b"
    assert find_package("a", tmp_path).name == "a"


@pytest.mark.parametrize(
    ("names", "name", "message"),
    [([], None, "holds none"), (["a", "b"], None, "holds a, b"), (["a"], "c", "recogniser 'c' was not found")],
)
def test_an_unclear_choice_is_refused(tmp_path: Path, names: list[str], name: str | None, message: str) -> None:
    for found in names:
        write_package(tmp_path / found)
    with pytest.raises(ModelMismatch, match=message):
        find_package(name, tmp_path)


def test_the_shipped_models_are_looked_for_beside_the_code() -> None:
    assert default_model_dir().name == "models"
