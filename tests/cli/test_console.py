from __future__ import annotations

import pytest
import typer

from ocrsvc.cli.console import fail, load_settings


def complaint(capsys: pytest.CaptureFixture[str], **flags: object) -> str:
    with pytest.raises(typer.Exit) as stop:
        load_settings(**flags)
    assert stop.value.exit_code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_flag_comes_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCRSVC_PORT", "1111")
    assert load_settings(port=2222, host=None).port == 2222
    assert load_settings(port=None).port == 1111


def test_wrong_flag_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert complaint(capsys, port=70000).startswith("ocrsvc: --port: ")


def test_wrong_variable_is_named_with_its_value(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCRSVC_THREADS", "many")
    line = complaint(capsys)
    assert line.startswith("ocrsvc: OCRSVC_THREADS: ")
    assert line.endswith("not 'many'")


def test_every_wrong_setting_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCRSVC_THREADS", "many")
    line = complaint(capsys, port=-1)
    assert "OCRSVC_THREADS" in line
    assert "--port" in line


def test_settings_that_do_not_fit_together_are_told_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCRSVC_DOOR_PIXELS", "5")
    assert "max_pixels must be <= door_pixels" in complaint(capsys)


def test_failure_is_one_line_and_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as stop:
        fail("first\n  second [bold]", code=3)
    assert stop.value.exit_code == 3
    assert capsys.readouterr().err == "ocrsvc: first second [bold]\n"
