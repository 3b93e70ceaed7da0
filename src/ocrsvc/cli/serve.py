"""`ocrsvc serve`: the HTTP service."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from ocrsvc.cli.console import ModelDirOption, ModelOption, ThreadsOption, fail, load_settings
from ocrsvc.errors import ModelMismatch
from ocrsvc.serving import StartFailed, serve_app

_log = logging.getLogger("ocrsvc.life")


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 127.0.0.1 for this machine only.")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port to listen on; 0 lets the system choose one.")] = None,
    threads: ThreadsOption = None,
    model: ModelOption = None,
    model_dir: ModelDirOption = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    root_path: Annotated[str | None, typer.Option(help="Path prefix that a reverse proxy strips.")] = None,
) -> None:
    """Serve over HTTP until SIGTERM or Ctrl-C; requests in progress are then finished.

    Every setting has a variable OCRSVC_NAME; flags come before variables.
    """
    settings = load_settings(
        host=host,
        port=port,
        threads=threads,
        model=model,
        model_dir=model_dir,
        log_level=log_level,
        root_path=root_path,
    )
    try:
        serve_app(settings)
    except StartFailed as failure:
        if not isinstance(failure.__cause__, ModelMismatch | OSError):
            _log.error("the start failed", exc_info=failure.__cause__)  # a fault of ours: its trace belongs in the log
        fail(f"cannot start: {failure}")
