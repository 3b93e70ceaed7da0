"""The command line put together: one module per command."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from ocrsvc import __version__
from ocrsvc.cli.bench import bench
from ocrsvc.cli.models import models
from ocrsvc.cli.read import read
from ocrsvc.cli.serve import serve

app = typer.Typer(
    name="ocrsvc",
    help="Chinese OCR on ordinary CPUs: as an HTTP service, or file by file here.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # they may hold what a document says
    add_completion=False,
)
for command in (serve, read, models, bench):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ocrsvc {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Chinese OCR on ordinary CPUs: as an HTTP service, or file by file here."""


def main() -> None:
    """Run the command line; output is UTF-8 whatever the locale, as the texts are Chinese."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    app(prog_name="ocrsvc")
