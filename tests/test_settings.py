from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ocrsvc.settings import MIB, Settings, unknown_variables


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("OCRSVC_"):
            monkeypatch.delenv(name)


def test_defaults_are_those_of_the_design() -> None:
    settings = Settings()
    assert (settings.port, settings.max_upload_bytes, settings.max_pixels) == (8080, 20 * MIB, 100_000_000)
    assert (settings.request_timeout_s, settings.cache_bytes, settings.threads) == (30.0, 64 * MIB, 0)


def test_every_setting_says_what_it_does() -> None:
    assert not [name for name, field in Settings.model_fields.items() if not (field.description or "").endswith(".")]


def test_environment_sets_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCRSVC_PORT", "9000")
    monkeypatch.setenv("OCRSVC_MODEL_DIR", "/somewhere")
    assert (Settings().port, Settings().model_dir) == (9000, Path("/somewhere"))


def test_empty_variable_means_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODEL", "MODEL_DIR", "API_KEYS", "CORS_ORIGINS"):
        monkeypatch.setenv(f"OCRSVC_{name}", "")
    settings = Settings()
    assert (settings.model, settings.model_dir, settings.api_keys, settings.cors_origins) == (None, None, (), ())


def test_lists_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCRSVC_API_KEYS", "one, two,")
    monkeypatch.setenv("OCRSVC_CORS_ORIGINS", "https://a.example,https://b.example")
    settings = Settings()
    assert [key.get_secret_value() for key in settings.api_keys] == ["one", "two"]
    assert settings.cors_origins == ("https://a.example", "https://b.example")


def test_keys_do_not_show_in_a_printed_settings_object() -> None:
    assert "hush" not in repr(Settings.model_validate({"api_keys": "hush"}))


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(Settings(), "port", 1)  # noqa: B010  # mypy refuses the plain assignment


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"max_pixels": 10, "door_pixels": 9}, "door_pixels"),
        ({"max_upload_bytes": 4096, "max_batch_bytes": 2048}, "max_batch_bytes"),
        ({"max_held_bytes": 2048}, "max_held_bytes"),
        ({"request_timeout_s": 60}, "shutdown_grace_s"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Settings(**values)


@pytest.mark.parametrize(
    "values", [{"port": 70_000}, {"root_path": "no-slash"}, {"threads": -1}, {"log_level": "loud"}]
)
def test_values_out_of_bounds_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**values)


def test_a_mistyped_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCRSVC_PROT", "8000")
    monkeypatch.setenv("OCRSVC_PORT", "8000")
    assert unknown_variables() == ["OCRSVC_PROT"]
