from __future__ import annotations

import subprocess
import sys

import pytest

from ocrsvc import __version__
from tests.cli.conftest import Run


def test_version_is_printed(run: Run) -> None:
    assert run("--version").stdout == f"ocrsvc {__version__}\n"


@pytest.mark.parametrize("command", ["serve", "read", "models", "bench"])
def test_every_command_explains_itself(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"ocrsvc {command}" in result.stdout


def test_module_stands_for_the_command() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "ocrsvc", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert answer.stdout.strip() == f"ocrsvc {__version__}"
