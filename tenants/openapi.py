"""How the OpenAPI file tells of keys, and of what is refused."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter

from tenants.problems import PROBLEM

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema

REFUSALS = (400, 401, 403, 404, 408, 409, 410, 413, 415, 422, 429, 503)
OF_VERSIONS = (412, 428)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="The ETag you last read, so that nobody's change is lost; `*` for any.",
)
PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457. `code` is stable; `detail` says what to do.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "code", "detail"],
}


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "tenants.auth.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "vm_<id>_<secret>"}


class PersonScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The admin's own pages come this way: it is no way in for programs, and is not told."""

    target_class = "tenants.sessions.PersonAuthentication"
    name: Any = ()

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return []

    def get_security_requirement(self, auto_schema: AutoSchema) -> Any:
        return None


def describe_refusals(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Every operation may answer a problem, and no request may carry fields we do not know."""
    schemas = result["components"]["schemas"]
    schemas["Problem"] = PROBLEM_SCHEMA
    for name, schema in schemas.items():
        if name.endswith("Request") and "properties" in schema:
            schema["additionalProperties"] = False
    for path in result["paths"].values():
        for operation in path.values():
            for status in REFUSALS + (OF_VERSIONS if _is_conditional(operation) else ()):
                operation["responses"].setdefault(str(status), _refusal(status))
    return result


def _is_conditional(operation: dict[str, Any]) -> bool:
    return any(one["name"] == IF_MATCH.name for one in operation.get("parameters", ()))


def _refusal(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": HTTPStatus(status).phrase, "content": {PROBLEM: {"schema": schema}}}
