from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ocrsvc.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def service() -> dict[str, Any]:
    composed: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    found: dict[str, Any] = composed["services"]["ocrsvc"]
    return found


@pytest.fixture
def dockerfile() -> str:
    return (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")


def test_the_container_may_write_nothing_and_gain_nothing(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "tmpfs" not in service
    assert "volumes" not in service


def test_requests_in_progress_finish_before_the_container_is_killed(service: dict[str, Any]) -> None:
    assert float(service["stop_grace_period"].removesuffix("s")) > Settings().shutdown_grace_s


def test_every_variable_handed_on_is_a_setting(service: dict[str, Any]) -> None:
    known = {f"OCRSVC_{name.upper()}" for name in Settings.model_fields}
    assert set(service["environment"]) <= known


def test_the_health_check_is_that_of_the_image(service: dict[str, Any], dockerfile: str) -> None:
    line = re.search(r"^HEALTHCHECK (.*) CMD (\[.*\])$", dockerfile, re.MULTILINE)
    assert line is not None
    options = {key.replace("-", "_"): value for key, value in re.findall(r"--([a-z-]+)=(\S+)", line[1])}
    composed = {key: str(value) for key, value in service["healthcheck"].items() if key != "test"}
    assert composed == options
    assert service["healthcheck"]["test"] == ["CMD", *json.loads(line[2])]


def test_port_and_base_default_to_those_of_the_image(service: dict[str, Any], dockerfile: str) -> None:
    base = re.search(r"^ARG BASE=(\S+)$", dockerfile, re.MULTILINE)
    assert base is not None
    assert service["build"]["args"]["BASE"] == f"${{BASE:-{base[1]}}}"
    assert service["ports"][0].endswith(":8080")
    assert Settings().port == 8080
    assert "EXPOSE 8080" in dockerfile


def test_onnx_runtime_reports_to_nobody(dockerfile: str) -> None:
    assert "ENV ORT_DISABLE_TELEMETRY=1" in dockerfile
