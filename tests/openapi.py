"""The OpenAPI file as the views make it now."""

from __future__ import annotations

from typing import Any

from drf_spectacular import generators, renderers, validation

spectacular: Any = generators  # it has no types
rendering: Any = renderers
validating: Any = validation


def generate_schema() -> dict[str, Any]:
    made: dict[str, Any] = spectacular.SchemaGenerator().get_schema(request=None, public=True)
    return made


def as_yaml(schema: dict[str, Any]) -> str:
    text: bytes = rendering.OpenApiYamlRenderer().render(schema, renderer_context={})
    return text.decode()


def check_schema(schema: dict[str, Any]) -> None:
    """Raise where it is no valid OpenAPI."""
    validating.validate_schema(schema)
