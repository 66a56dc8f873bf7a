"""The OpenAPI file: sound, kept in the repository, and what the views are."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from drf_spectacular.drainage import GENERATOR_STATS

from tests.openapi import as_yaml, check_schema, generate_schema

FILE = Path(__file__).parents[2] / "docs" / "openapi.yaml"
HOW = "WRITE_OPENAPI=1 make test ARGS=tests/contract/test_openapi.py"
METHODS = {"get", "post", "put", "patch", "delete"}


@cache
def schema() -> dict[str, Any]:
    return generate_schema()


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in schema()["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def test_it_is_generated_without_a_warning_and_is_valid() -> None:
    GENERATOR_STATS.reset()
    schema.cache_clear()
    check_schema(schema())
    assert not GENERATOR_STATS._warn_cache
    assert not GENERATOR_STATS._error_cache


def test_the_file_in_the_repository_is_the_one_the_views_make() -> None:
    made = as_yaml(schema())
    if os.environ.get("WRITE_OPENAPI"):
        FILE.write_text(made, encoding="utf-8")
    assert FILE.is_file(), f"make it: {HOW}"
    assert yaml.safe_load(FILE.read_text(encoding="utf-8")) == yaml.safe_load(made), HOW


def test_every_operation_has_a_name_of_its_own_and_a_description() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names)) >= 13
    assert all(operation["description"] for _, _, operation in operations())


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "409", "413", "422", "429", "503"])
def test_every_operation_tells_of_its_problems(status: str) -> None:
    for method, path, operation in operations():
        content = operation["responses"][status].get("content", {})
        assert "application/problem+json" in content, (method, path)


def test_every_operation_asks_for_a_key() -> None:
    assert all(operation["security"] == [{"key": []}] for _, _, operation in operations())


def test_requests_carry_no_fields_that_are_not_named() -> None:
    asked = {
        body["schema"]["$ref"].split("/")[-1]
        for _, _, operation in operations()
        for body in operation.get("requestBody", {}).get("content", {}).values()
    }
    assert asked == {
        "SynthesisBodyRequest",
        "BulkBodyRequest",
        "WebhookBodyRequest",
        "PatchedWebhookChangeRequest",
        "PersonalityBodyRequest",
        "PatchedPersonalityBodyRequest",
        "PersonalityFileRequest",
        "GenerateBodyRequest",
        "VoiceBodyRequest",
        "PatchedVoiceChangeRequest",
        "SettingsBodyRequest",
        "ConsentBodyRequest",
        "CloneBodyRequest",
        "TrainBodyRequest",
        "OwnTrainBodyRequest",
        "TranscriptBodyRequest",
        "AuditionBodyRequest",
        "UploadBodyRequest",
        "DecisionBodyRequest",
        "VoiceChoiceRequest",
    }
    for name in asked:
        assert schema()["components"]["schemas"][name]["additionalProperties"] is False


def test_samples_are_uploaded_as_files_and_nothing_else_is_sent_so() -> None:
    sent = {
        path: list(operation["requestBody"]["content"])
        for _, path, operation in operations()
        if "requestBody" in operation
    }
    forms = {path for path, kinds in sent.items() if kinds != ["application/json"]}
    assert forms == {
        "/api/v1/voices/{reference}/samples",
        "/api/v1/personalities/{personality}/voice/upload",
    }
    assert all(sent[path] == ["multipart/form-data"] for path in forms)
    field = schema()["components"]["schemas"]["UploadBodyRequest"]["properties"]["file"]
    assert (field["type"], field["items"]["format"]) == ("array", "binary")
