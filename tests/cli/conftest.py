from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ocrsvc.cli import app
from tests.api.fakes import FakeDetector, picture
from tests.fakes import FakeRecogniser

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Runs a command line and gives its exit code and output."""

    def invoke(*arguments: object) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> FakeRecogniser:
    """Commands find one line a page, the page itself, and read its width at a height of 32."""
    recogniser = FakeRecogniser()
    monkeypatch.setattr("ocrsvc.cli.read.load_recogniser", lambda settings: recogniser)
    monkeypatch.setattr("ocrsvc.cli.bench.load_recogniser", lambda settings: recogniser)
    monkeypatch.setattr("ocrsvc.engine.ContourDetector", FakeDetector)
    monkeypatch.setattr("ocrsvc.cli.measure.ContourDetector", FakeDetector)
    monkeypatch.setenv("OCRSVC_THREADS", "2")
    monkeypatch.setenv("OCRSVC_ENHANCEMENT", "none")
    return recogniser


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of 64 and 96 pixels width, one of them deeper, and a text beside them."""
    place = tmp_path / "pictures"
    (place / "deeper").mkdir(parents=True)
    (place / "a.png").write_bytes(picture(64))
    (place / "deeper" / "a.png").write_bytes(picture(96))
    (place / "notes.txt").write_text("no picture", encoding="utf-8")
    return place


@pytest.fixture
def untouched_logging() -> Iterator[None]:
    """Puts back what `configure_logging` replaces."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
