from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Run
from tests.recognition.tiny import write_package


def test_whole_package_is_listed_as_served(run: Run, tmp_path: Path) -> None:
    write_package(tmp_path / "tiny")
    result = run("models", "--model-dir", tmp_path)
    assert result.exit_code == 0
    row = next(line for line in result.stdout.splitlines() if "tiny" in line)
    assert row.split()[:5] == ["tiny", "recogniser", "1", "float32", "11"]
    assert row.rstrip().endswith("ok, served")


def test_changed_graph_is_broken_and_the_others_are_still_listed(run: Run, tmp_path: Path) -> None:
    (write_package(tmp_path / "bad") / "model.onnx").write_bytes(b"changed")
    write_package(tmp_path / "good", default=True)
    result = run("models", "--model-dir", tmp_path)
    assert result.exit_code == 1
    assert "broken" in next(line for line in result.stdout.splitlines() if "bad" in line)
    assert "ok, served" in next(line for line in result.stdout.splitlines() if "good" in line)
    assert len(result.stderr.splitlines()) == 1
    assert "bad/model.onnx has checksum" in result.stderr


def test_graph_that_does_not_open_is_broken_though_its_checksum_fits(run: Run, tmp_path: Path) -> None:
    write_package(tmp_path / "odd", b"no graph")
    result = run("models", "--model-dir", tmp_path)
    assert result.exit_code == 1
    assert "odd is broken" in result.stderr


def test_manifest_that_is_no_json_is_broken(run: Run, tmp_path: Path) -> None:
    (write_package(tmp_path / "torn") / "model.json").write_text("{", encoding="utf-8")
    result = run("models", "--model-dir", tmp_path)
    assert result.exit_code == 1
    assert "torn/model.json is not JSON" in result.stderr


def test_folder_without_packages_is_a_failure(run: Run, tmp_path: Path) -> None:
    result = run("models", "--model-dir", tmp_path)
    assert result.exit_code == 1
    assert "it holds none" in result.stderr


def test_other_kinds_of_models_are_listed_unchecked(run: Run, tmp_path: Path) -> None:
    write_package(tmp_path / "finder", kind="detector")
    write_package(tmp_path / "tiny")
    result = run("models", "--model-dir", tmp_path)
    assert result.exit_code == 0
    assert "unchecked" in next(line for line in result.stdout.splitlines() if "finder" in line)


def test_json_holds_every_package(run: Run, tmp_path: Path) -> None:
    write_package(tmp_path / "tiny")
    answer = json.loads(run("models", "--model-dir", tmp_path, "--json").stdout)
    assert [(one["name"], one["served"], one["error"]) for one in answer["models"]] == [("tiny", True, "")]
