"""The `ocrsvc` command: serve, read, models, bench."""

from ocrsvc.cli.command import app, main

__all__ = ["app", "main"]
