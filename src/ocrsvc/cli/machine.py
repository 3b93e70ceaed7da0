"""What a measurement was taken on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ocrsvc import __version__
from ocrsvc.compute import cores

_LIBRARIES = ("onnxruntime", "opencv-python-headless", "numpy", "pillow")


def describe_machine() -> dict[str, str]:
    """Processor, cores, system and the versions that matter for speed, as printed."""
    found = {"cpu": _processor(), "cores": str(cores()), "system": platform.platform(terse=True)}
    found |= {"ocrsvc": __version__, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "absent"
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
