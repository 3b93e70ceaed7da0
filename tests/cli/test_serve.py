from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocrsvc.settings import Settings
from tests.cli.conftest import Run
from tests.recognition.tiny import write_package

pytestmark = pytest.mark.usefixtures("untouched_logging")


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_port_in_use_is_told_in_one_line(run: Run, busy_port: int) -> None:
    result = run("serve", "--host", "127.0.0.1", "--port", busy_port)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"ocrsvc: cannot start: port {busy_port} on 127.0.0.1 is in use: stop what listens there, or choose another "
        "with --port"
    ]


def test_address_of_another_machine_is_told(run: Run) -> None:
    result = run("serve", "--host", "192.0.2.1", "--port", 0)
    assert result.exit_code == 1
    assert "192.0.2.1 is not an address of this machine" in result.stderr


def test_missing_model_is_told_in_one_line(run: Run, tmp_path: Path) -> None:
    result = run("serve", "--host", "127.0.0.1", "--port", 0, "--model-dir", tmp_path)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "cannot start: one recogniser" in result.stderr


def test_broken_model_is_told_in_one_line(run: Run, tmp_path: Path) -> None:
    (write_package(tmp_path / "tiny") / "model.onnx").write_bytes(b"changed")
    result = run("serve", "--host", "127.0.0.1", "--port", 0, "--model-dir", tmp_path)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "tiny/model.onnx has checksum" in result.stderr


def test_wrong_setting_is_told_with_exit_code_2(run: Run) -> None:
    result = run("serve", "--port", 99999)
    assert result.exit_code == 2
    assert result.stderr.startswith("ocrsvc: --port: ")


def test_flags_reach_the_service(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Settings] = []
    monkeypatch.setattr("ocrsvc.cli.serve.serve_app", served.append)
    result = run("serve", "--host", "127.0.0.1", "--port", 1234, "--threads", 3, "--model", "m", "--log-level", "debug")
    assert result.exit_code == 0
    settings = served[0]
    assert (settings.host, settings.port, settings.threads) == ("127.0.0.1", 1234, 3)
    assert (settings.model, settings.log_level) == ("m", "debug")
