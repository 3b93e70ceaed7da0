"""The files that a command is given: folders walked, each file read on its own, answers in order."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ocrsvc.engine import Engine
from ocrsvc.errors import Internal, OcrError, TooLarge
from ocrsvc.reader import PageReading, ReadOptions

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""What is taken from a folder; a file named by itself is tried whatever its name."""


@dataclass(frozen=True, slots=True)
class PictureFile:
    """One file to read; `relative` is its place below the folder that was named, or its bare name."""

    path: Path
    relative: Path


@dataclass(frozen=True, slots=True, eq=False)
class FileReading:
    """What became of one file: a reading, or the failure in `error`."""

    file: PictureFile
    reading: PageReading | None = None
    error: OcrError | OSError | None = None
    data: bytes = b""
    seconds: float = 0.0

    @property
    def message(self) -> str:
        """Why it failed, in one line."""
        if isinstance(self.error, OSError):
            return f"cannot be read: {self.error.strerror or self.error}"
        return str(self.error) if self.error else ""


def find_pictures(paths: Iterable[Path]) -> list[PictureFile]:
    """The files that the arguments mean, each once: folders give their pictures at any depth, by name."""
    found: dict[Path, PictureFile] = {}
    for path in paths:
        for file in _pictures_in(path) if path.is_dir() else (PictureFile(path, Path(path.name)),):
            found.setdefault(file.path, file)
    return list(found.values())


def _pictures_in(folder: Path) -> Iterator[PictureFile]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            yield PictureFile(path, path.relative_to(folder))


async def read_files(
    files: Sequence[PictureFile], engine: Engine, options: ReadOptions, max_bytes: int
) -> AsyncGenerator[FileReading, None]:
    """Read files on all cores and give the outcomes in the files' order; a failure stays with its file.

    A few files more than there are cores are in flight, so that memory does not grow with the number of files.
    """
    at_once = engine.pool.threads + 2
    tasks: deque[asyncio.Task[FileReading]] = deque()
    remaining = iter(files)
    try:
        while True:
            while len(tasks) < at_once and (file := next(remaining, None)) is not None:
                tasks.append(asyncio.create_task(_read_file(file, engine, options, max_bytes), name=str(file.path)))
            if not tasks:
                return
            yield await tasks.popleft()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _read_file(file: PictureFile, engine: Engine, options: ReadOptions, max_bytes: int) -> FileReading:
    started_s = time.perf_counter()
    try:
        data = await engine.pool.run(_load, file.path, max_bytes)
        reading = await engine.reader.read(data, options)
    except (OcrError, OSError) as error:
        return FileReading(file, error=error)
    except Exception as fault:  # a fault of ours on one file must not cost the others their answers
        failure = Internal(f"a fault of ocrsvc: {type(fault).__name__}: {fault}")
        return FileReading(file, error=failure)
    return FileReading(file, reading, data=data, seconds=time.perf_counter() - started_s)


def _load(path: Path, max_bytes: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)  # a pipe or a device tells no size
    if len(data) > max_bytes:
        raise TooLarge(f"The file is larger than {max_bytes:,} bytes (OCRSVC_MAX_UPLOAD_BYTES).")
    return data
