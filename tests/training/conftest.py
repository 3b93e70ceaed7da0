from __future__ import annotations

from pathlib import Path

import pytest

from training.synth.atlas import Face, build_face
from training.synth.charset import labels
from training.synth.fonts import DEBIAN_FONTS, Font

HEI = DEBIAN_FONTS / "truetype/wqy/wqy-microhei.ttc"
SANS = DEBIAN_FONTS / "truetype/dejavu/DejaVuSans.ttf"


def font(name: str, style: str, path: Path) -> Font:
    assert path.is_file(), f"{path} is missing: scripts/debian-packages.sh names the packages that the tests need"
    return Font(name, style, (path,))


@pytest.fixture(scope="session")
def chinese() -> list[Face]:
    return [build_face(font("WenQuanYi Micro Hei", "hei", HEI), 40, labels())]


@pytest.fixture(scope="session")
def latin() -> list[Face]:
    return [build_face(font("DejaVu Sans", "sans", SANS), 40, [chr(c) for c in range(0x20, 0x7F)])]
