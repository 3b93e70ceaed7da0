"""The contract: equal to the file, whole, and its examples true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from ocrsvc.api import schemas
from ocrsvc.api.failures import EXAMPLES
from ocrsvc.api.options import OcrOptions
from ocrsvc.app import create_app
from ocrsvc.contract import contract_yaml
from ocrsvc.settings import Settings
from tests.api.fakes import client_of, running

CONTRACT = Path(__file__).parents[2] / "openapi.yaml"


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    return create_app(Settings(root_path="")).openapi()


def operations(contract: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in contract["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from nodes(item)


def test_file_in_the_repository_is_what_is_served() -> None:
    assert contract_yaml() == CONTRACT.read_text(encoding="utf-8"), "run: python -m ocrsvc.contract > openapi.yaml"


@pytest.mark.anyio
async def test_json_and_yaml_say_the_same() -> None:
    async with running() as app, client_of(app) as client:
        as_json, as_yaml = await client.get("/openapi.json"), await client.get("/openapi.yaml")
    assert yaml.safe_load(as_yaml.text) == as_json.json()
    assert as_yaml.headers["content-type"].startswith("application/yaml")


def test_settings_other_than_the_root_path_do_not_show(contract: dict[str, Any]) -> None:
    assert create_app(Settings.model_validate({"api_keys": "x", "max_pixels": 5})).openapi() == contract


def test_every_operation_has_its_own_id_a_tag_and_a_description(contract: dict[str, Any]) -> None:
    all_operations = list(operations(contract))
    ids = [operation["operationId"] for _, _, operation in all_operations]
    assert len(ids) == len(set(ids)) == 7
    assert all(operation["tags"] and operation["description"] for _, _, operation in all_operations)
    tags = {tag["name"] for tag in contract["tags"]}
    assert {tag for _, _, operation in all_operations for tag in operation["tags"]} == tags


def test_every_reference_leads_somewhere(contract: dict[str, Any]) -> None:
    for reference in {node["$ref"] for node in nodes(contract) if "$ref" in node}:
        target: Any = contract
        for key in reference.removeprefix("#/").split("/"):
            target = target[key]


def test_every_component_is_used(contract: dict[str, Any]) -> None:
    used = {node["$ref"] for node in nodes(contract) if "$ref" in node}
    for kind in ("schemas", "headers", "parameters"):
        assert {f"#/components/{kind}/{name}" for name in contract["components"][kind]} <= used


def test_every_operation_documents_its_failures(contract: dict[str, Any]) -> None:
    documented: set[str] = set()
    for _, method, operation in operations(contract):
        codes = {code for node in nodes(operation["responses"]) for code in node.get("examples", {})}
        assert "internal" in codes
        assert method == "get" or {"overloaded", "deadline_exceeded", "unauthorized", "too_large"} <= codes
        documented |= codes
    assert documented | {"not_found", "method_not_allowed"} == set(schemas.error_codes())


def test_every_answer_documents_its_headers(contract: dict[str, Any]) -> None:
    for _, _, operation in operations(contract):
        for status, response in operation["responses"].items():
            assert "X-Request-ID" in response["headers"]
            assert ("Retry-After" in response["headers"]) is (status in ("429", "503"))


def test_post_operations_name_the_key_and_both_kinds_of_body(contract: dict[str, Any]) -> None:
    for _, method, operation in operations(contract):
        assert ("requestBody" in operation) is (method == "post")
        if method == "post":
            assert operation["security"] == [{"ApiKey": []}, {}]
            assert set(operation["requestBody"]["content"]) == {"multipart/form-data", "application/json"}


def test_pictures_are_typed_as_binary(contract: dict[str, Any]) -> None:
    parts = contract["components"]["schemas"]
    assert parts["OcrForm"]["properties"]["image"]["format"] == "binary"
    assert parts["BatchForm"]["properties"]["images"]["items"]["format"] == "binary"
    preview = contract["paths"]["/ocr/preview"]["post"]["responses"]["200"]["content"]
    assert preview == {"image/png": {"schema": {"type": "string", "format": "binary"}}}


def test_options_in_the_bodies_are_those_that_are_checked(contract: dict[str, Any]) -> None:
    for name in ("OcrForm", "OcrJson", "BatchForm", "BatchJson"):
        properties = contract["components"]["schemas"][name]["properties"]
        defaults = {key: value["default"] for key, value in properties.items() if "default" in value}
        assert defaults == OcrOptions().model_dump()
        assert (properties["resize_height"]["minimum"], properties["resize_height"]["maximum"]) == (16, 64)


def models() -> list[type[BaseModel]]:
    return [value for value in vars(schemas).values() if isinstance(value, type) and issubclass(value, BaseModel)]


@pytest.mark.parametrize("model", [model for model in models() if model is not BaseModel])
def test_every_schema_has_an_example_that_fits(model: type[BaseModel], contract: dict[str, Any]) -> None:
    schema = contract["components"]["schemas"][model.__name__]
    for example in schema["examples"]:
        read = model.model_validate(example, strict=True)
        assert read.model_dump(exclude_none=True) == example


def test_examples_of_failures_fit_their_schema() -> None:
    for kind, message in EXAMPLES.items():
        body = {"success": False, "error": {"code": kind.code, "message": message}, "request_id": "x"}
        schemas.ErrorReply.model_validate(body)


@pytest.mark.anyio
async def test_examples_of_json_bodies_are_accepted(contract: dict[str, Any]) -> None:
    async with running() as app, client_of(app) as client:
        for path, method, operation in operations(contract):
            if method == "post":
                reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
                schema = contract["components"]["schemas"][reference.rsplit("/", 1)[1]]
                assert [(await client.post(path, json=body)).status_code for body in schema["examples"]] == [200]
