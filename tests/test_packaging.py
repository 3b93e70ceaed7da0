from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, timeout=100)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_carries_the_models_with_labels_and_manifest(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    shipped = sorted(p.parent.name for p in (REPOSITORY / "models").glob("*/model.json"))
    assert shipped
    for model in shipped:
        for file in ("model.json", "model.onnx", "labels.txt"):
            assert f"ocrsvc/models/{model}/{file}" in names


def test_the_wheel_carries_the_pages_and_the_type_marker_but_no_training(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert "ocrsvc/web/index.html" in names
    assert "ocrsvc/web/vendor/swagger-ui/swagger-ui-bundle.js" in names
    assert "ocrsvc/py.typed" in names
    assert not [n for n in names if n.startswith(("training", "tests", "bench"))]


def test_the_wheel_installs_the_command(wheel: zipfile.ZipFile) -> None:
    entry_points = next(n for n in wheel.namelist() if n.endswith("entry_points.txt"))
    assert "ocrsvc = ocrsvc.cli:main" in wheel.read(entry_points).decode()
