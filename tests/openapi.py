"""The OpenAPI file as the views make it now, and its operations to ask for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from drf_spectacular import generators, renderers, validation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.test import Client

METHODS = {"get", "post", "put", "patch", "delete", "head"}
NAME = re.compile(r"\{(\w+)\}")

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


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a path, and the names of the ids in it."""

    id: str
    method: str
    path: str
    names: tuple[str, ...]
    takes_json: bool = False

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    def at(self, ids: Mapping[str, str]) -> str:
        missing = [name for name in self.names if name not in ids]
        assert not missing, f"{self.path}: what is {missing}? (tests/worlds.py)"
        return NAME.sub(lambda found: ids[found[1]], self.path)

    def asked_by(self, client: Client, ids: Mapping[str, str], body: Any = None) -> Any:
        """With If-Match and a body where one may be: neither is what it fails for."""
        ask = getattr(client, self.method)
        more = {"content_type": "application/json"} if self.takes_json else {}
        sent = {} if body is None else {"data": body}
        return ask(self.at(ids), headers={"If-Match": "*"}, **more, **sent)


@cache
def operations() -> tuple[Operation, ...]:
    found = tuple(_operations())
    assert len(found) > 30
    return found


def _operations() -> Iterator[Operation]:
    for path, methods in generate_schema()["paths"].items():
        names = tuple(NAME.findall(path))
        for method in sorted(METHODS & set(methods)):
            told = methods[method]
            content = told.get("requestBody", {}).get("content", {})
            yield Operation(told["operationId"], method, path, names, "application/json" in content)
