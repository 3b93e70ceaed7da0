"""`ocrsvc read`: pictures to text or JSON, in this process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from ocrsvc.api.options import OcrOptions
from ocrsvc.api.render import render_results, render_timings
from ocrsvc.cli.console import ModelDirOption, ModelOption, ThreadsOption, fail, load_settings, note, notes
from ocrsvc.cli.fonts import Font, find_font
from ocrsvc.cli.overlay import LEGEND, overlay_path, write_overlay
from ocrsvc.cli.pictures import FileReading, PictureFile, find_pictures, read_files
from ocrsvc.engine import Engine, load_recogniser, open_engine
from ocrsvc.errors import ModelMismatch, OcrError
from ocrsvc.imaging.decode import decode_image
from ocrsvc.settings import Settings


@dataclass(frozen=True, slots=True)
class _Output:
    """What is made of each reading."""

    as_json: bool
    options: OcrOptions
    overlay: Path | None
    font: Font | None


def read(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Pictures, or folders of pictures.")],
    as_json: Annotated[
        bool, typer.Option("--json/--text", help="One JSON object a line and file, or plain text.")
    ] = False,
    overlay: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Draw boxes and texts on copies of the pictures there.")
    ] = None,
    font: Annotated[Path | None, typer.Option(help="Font file for the overlays; default: one of the system.")] = None,
    resize_height: Annotated[int, typer.Option(min=16, max=64, help="Height to which lines are scaled first.")] = 32,
    min_confidence: Annotated[float, typer.Option(min=0, max=1, help="Leave out lines below it.")] = 0.0,
    return_chars: Annotated[bool, typer.Option("--chars", help="With --json: each character's box too.")] = False,
    threads: ThreadsOption = None,
    model: ModelOption = None,
    model_dir: ModelDirOption = None,
) -> None:
    """Read pictures here, on all cores: text or JSON on standard output.

    A file that cannot be read is named on standard error and does not stop the others; the exit code is then 1.
    """
    settings = load_settings(threads=threads, model=model, model_dir=model_dir)
    pictures = find_pictures(files)
    if not pictures:
        fail("there are no pictures in what was named: JPEG, PNG, BMP, WebP and TIFF files are looked for")
    options = OcrOptions(resize_height=resize_height, min_confidence=min_confidence, return_chars=return_chars)
    output = _Output(as_json, options, overlay, _overlay_font(font) if overlay else None)
    try:
        failed = asyncio.run(_read_all(pictures, settings, output))
    except ModelMismatch as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("interrupted", code=130)
    if overlay is not None:
        note(f"overlays are in {overlay} ({LEGEND})")
    if failed:
        fail(f"{failed} of {len(pictures)} files could not be read")


async def _read_all(pictures: Sequence[PictureFile], settings: Settings, output: _Output) -> int:
    """Read, print and draw; returns how many files failed."""
    failed = 0
    taken: set[Path] = set()
    recogniser = load_recogniser(settings)
    async with open_engine(settings, recogniser) as engine:
        readings = read_files(pictures, engine, output.options.reading, settings.max_upload_bytes)
        with _progress(len(pictures)) as progress:
            task = progress.add_task("reading", total=len(pictures)) if progress else None
            async with contextlib.aclosing(readings):
                async for outcome in readings:
                    if outcome.error is not None:
                        failed += 1
                        note(f"{outcome.file.path}: {outcome.message}", progress.console if progress else None)
                    _print(outcome, output, recogniser.name, many=len(pictures) > 1)
                    if outcome.reading is not None and output.overlay is not None:
                        await _draw(outcome, output, engine, taken)
                    if progress and task is not None:
                        progress.advance(task)
    return failed


@contextlib.contextmanager
def _progress(files: int) -> Iterator[Progress | None]:
    """A bar on standard error, where results do not pass over the same screen."""
    screen = notes()
    if files < 2 or not screen.is_terminal or sys.stdout.isatty():
        yield None
        return
    with Progress(console=screen, redirect_stdout=False, redirect_stderr=False, transient=True) as progress:
        yield progress


def _print(outcome: FileReading, output: _Output, model: str, many: bool) -> None:
    if output.as_json:
        typer.echo(json.dumps(_as_json(outcome, output.options, model), ensure_ascii=False))
    elif outcome.reading is not None:
        lines = [line.text for line in outcome.reading.lines]
        typer.echo("\n".join([f"==> {outcome.file.path} <==", *lines, ""] if many else lines))


def _as_json(outcome: FileReading, options: OcrOptions, model: str) -> dict[str, Any]:
    """The answer of POST /ocr for this file, without a request's id and with the file's name."""
    reading = outcome.reading
    if reading is None:
        code = outcome.error.code if isinstance(outcome.error, OcrError) else "unreadable_file"
        return {
            "file": str(outcome.file.path),
            "success": False,
            "error": {"code": code, "message": outcome.message},
        }
    return {
        "file": str(outcome.file.path),
        "success": True,
        "results": json.loads(render_results(reading, options)),
        "total_time": round(outcome.seconds, 4),
        "image": {"width": reading.width_px, "height": reading.height_px, "rotation": reading.rotation},
        "model": model,
        "timings": render_timings(reading.timings),
    }


def _overlay_font(path: Path | None) -> Font | None:
    font = find_font(path)
    if font is None and path is not None:
        fail(f"{path} is not a font with Chinese characters")
    if font is None:
        note("no font with Chinese characters was found: overlays show boxes and confidences only (--font FILE)")
    return font


async def _draw(outcome: FileReading, output: _Output, engine: Engine, taken: set[Path]) -> None:
    assert outcome.reading is not None
    assert output.overlay is not None
    target = overlay_path(output.overlay, outcome.file.relative, taken)
    page = await engine.pool.run(decode_image, outcome.data, engine.limits)
    try:
        await engine.pool.run(write_overlay, page, outcome.reading, output.font, target)
    except OSError as error:
        fail(f"{target} cannot be written: {error.strerror or error}")
