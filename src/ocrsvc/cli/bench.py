"""`ocrsvc bench`: how fast this machine reads, and which batch size suits it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from ocrsvc.cli.console import ModelDirOption, ModelOption, ThreadsOption, fail, load_settings, note, tables
from ocrsvc.cli.drawn import dense_page, invoice_page
from ocrsvc.cli.fonts import Font, find_font
from ocrsvc.cli.machine import describe_machine
from ocrsvc.cli.measure import (
    LINE_WIDTH_PX,
    STAGES,
    LineRate,
    PageTimes,
    best_budget,
    time_budget,
    time_lines,
    time_page,
)
from ocrsvc.compute import cores
from ocrsvc.engine import load_recogniser, open_engine
from ocrsvc.errors import ModelMismatch
from ocrsvc.recognition.onnx import Recogniser
from ocrsvc.settings import Settings

BATCHES = (1, 8, 32)
BUDGETS = (320, 640, 1280, 2560, 5120, 10240)


def bench(
    tune: Annotated[bool, typer.Option("--tune", help="Find the best batch_max_columns for this machine.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all figures there.")] = None,
    seconds: Annotated[float, typer.Option(min=0.01, max=60, help="How long each figure is measured.")] = 2.0,
    threads: ThreadsOption = None,
    model: ModelOption = None,
    model_dir: ModelDirOption = None,
) -> None:
    """Measure the stages on two drawn pages, and the recogniser alone: medians and 95th percentiles.

    Let nothing else run meanwhile. The pages are drawn with a Chinese font where the system has one, else in Latin.
    """
    settings = load_settings(threads=threads, model=model, model_dir=model_dir)
    font = find_font()
    try:
        recogniser = load_recogniser(settings)
    except ModelMismatch as error:
        fail(str(error))
    pages = {"invoice": invoice_page(font), "dense": dense_page(font)}
    report: dict[str, Any] = _setting(settings, recogniser, font)
    console = tables()
    console.print(" · ".join(f"{key} {value}" for key, value in report["machine"].items()), soft_wrap=True)
    if tune:
        report |= asyncio.run(_tune(pages, settings, recogniser, seconds, console))
    else:
        report |= asyncio.run(_measure(pages, settings, recogniser, seconds, console))
    if json_file is not None:
        _write(report, json_file)


def _setting(settings: Settings, recogniser: Recogniser, font: Font | None) -> dict[str, Any]:
    return {
        "machine": describe_machine(),
        "model": recogniser.name,
        "threads": settings.threads or cores(),
        "batch_max_columns": settings.batch_max_columns,
        "font": font.path.name if font else None,
    }


async def _measure(
    pages: dict[str, bytes], settings: Settings, recogniser: Recogniser, seconds: float, console: Console
) -> dict[str, Any]:
    timed = [await time_page(name, data, settings, recogniser, seconds) for name, data in pages.items()]
    console.print(_stage_table(timed))
    async with open_engine(settings, recogniser) as engine:
        counts = sorted({1, engine.pool.threads})
        rates = [await time_lines(engine, batch, count, seconds) for count in counts for batch in BATCHES]
    console.print(_rate_table(rates))
    return {
        "pages": [asdict(page) for page in timed],
        "line_width_px": LINE_WIDTH_PX,
        "lines": [asdict(rate) for rate in rates],
    }


async def _tune(
    pages: dict[str, bytes], settings: Settings, recogniser: Recogniser, seconds: float, console: Console
) -> dict[str, Any]:
    drawn = list(pages.values())
    rates = [await time_budget(columns, drawn, settings, recogniser, seconds) for columns in BUDGETS]
    best = best_budget(rates)
    table = Table("max columns", "pages/s", "page ms", "p95", title="four pages in flight", box=box.SIMPLE_HEAD)
    for rate in rates:
        table.add_row(*map(str, (rate.max_columns, rate.pages_per_s, rate.page.median_ms, rate.page.p95_ms)))
    console.print(table)
    console.print(f"best here: OCRSVC_BATCH_MAX_COLUMNS={best}")
    return {"tune": [asdict(rate) for rate in rates], "best_batch_max_columns": best}


def _stage_table(timed: Sequence[PageTimes]) -> Table:
    table = Table("page", "lines", "", *STAGES, title="milliseconds a page, one at a time", box=box.SIMPLE_HEAD)
    for page in timed:
        stages = [page.stages[stage] for stage in STAGES]
        table.add_row(page.page, str(page.lines), "median", *(f"{stage.median_ms:.1f}" for stage in stages))
        table.add_row("", "", "p95", *(f"{stage.p95_ms:.1f}" for stage in stages))
        total_ms = page.stages["total"].median_ms
        table.add_row("", "", "share", *(f"{stage.median_ms / total_ms:.0%}" for stage in stages))
    return table


def _rate_table(rates: Sequence[LineRate]) -> Table:
    title = f"the recogniser alone, lines of {LINE_WIDTH_PX} px"
    table = Table("threads", "batch", "lines/s", "ms a call", "p95", title=title, box=box.SIMPLE_HEAD)
    for rate in rates:
        table.add_row(*map(str, (rate.threads, rate.batch, rate.lines_per_s, rate.call.median_ms, rate.call.p95_ms)))
    return table


def _write(report: dict[str, Any], path: Path) -> None:
    try:
        path.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}")
    note(f"figures written to {path}")
