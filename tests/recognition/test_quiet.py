"""The runtime keeps to itself: it tells nobody that it runs, and leaves nothing in the user's folders."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.recognition.tiny import write_package

SCRIPT = """
import os, pathlib, sys
from ocrsvc.recognition.onnx import OnnxRecogniser
from ocrsvc.recognition.package import ModelPackage
OnnxRecogniser(ModelPackage.load(pathlib.Path(sys.argv[1]))).warm_up()
links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
print([link for link in links if os.path.lexists(link) and os.readlink(link).endswith(".db")])
"""


def test_runtime_keeps_no_device_id_and_no_events(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    stops = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "ORT_")  # what would stop the runtime's telemetry for another reason
    environment = {name: value for name, value in os.environ.items() if not name.startswith(stops)}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", SCRIPT, str(write_package(tmp_path / "tiny"))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
    assert list(home.rglob("*")) == []
