"""Lets `python -m ocrsvc` stand for the `ocrsvc` command."""

from __future__ import annotations

from ocrsvc.cli import main

if __name__ == "__main__":
    main()
