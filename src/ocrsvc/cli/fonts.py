"""A font of this system that has Chinese characters, for pictures that people look at."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import ImageFont

_PROBE: Final = "发票"
_ABSENT: Final = "\U0010fffe"  # no font has it: shows what a missing character looks like

_KNOWN: Final = (
    "/usr/share/fonts/**/NotoSansCJK*-Regular.ttc",
    "/usr/share/fonts/**/NotoSansSC*.[ot]tf",
    "/usr/share/fonts/**/SourceHanSans*Regular.*",
    "/usr/share/fonts/**/wqy-*.tt[cf]",
    "/usr/share/fonts/**/*CJK*.tt[cf]",
    "/usr/share/fonts/**/u[km]*.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/STHeiti*.ttc",
    "C:/Windows/Fonts/msyh*.tt[cf]",
    "C:/Windows/Fonts/simsun.ttc",
)


@dataclass(frozen=True, slots=True)
class Font:
    """A font file and the face in it."""

    path: Path
    face: int = 0

    def at(self, size_px: int) -> ImageFont.FreeTypeFont:
        """The font at a size."""
        return ImageFont.truetype(str(self.path), max(1, size_px), index=self.face)


def find_font(path: Path | None = None) -> Font | None:
    """A font that can write simplified Chinese.

    Args:
        path: take this file, or nothing; None looks in the usual places and asks fontconfig.
    """
    candidates = [Font(path)] if path is not None else _candidates()
    return next((font for font in candidates if _has_chinese(font)), None)


def _candidates() -> Iterator[Font]:
    for pattern in _KNOWN:
        anchor = Path(Path(pattern).anchor)
        for path in sorted(anchor.glob(pattern.removeprefix(anchor.as_posix()))) if anchor.is_dir() else ():
            yield Font(path, 2 if path.name.startswith(("NotoSansCJK", "NotoSerifCJK")) else 0)  # the face for China
    yield from _from_fontconfig()


def _from_fontconfig() -> Iterator[Font]:
    program = shutil.which("fc-match")
    if program is None:
        return
    command = [program, "--format=%{index} %{file}", "sans:lang=zh-cn"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return
    index, _, name = answer.strip().partition(" ")
    if name:
        yield Font(Path(name), int(index) & 0xFFFF if index.isdecimal() else 0)


def _has_chinese(font: Font) -> bool:
    try:
        face = font.at(24)
    except OSError:
        return False
    absent = bytes(face.getmask(_ABSENT))
    return all(bytes(face.getmask(character)) not in (absent, b"") for character in _PROBE)
