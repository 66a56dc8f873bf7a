"""Errors as problem+json (RFC 9457) with stable codes; a failure nobody foresaw says no secret."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    Described = tuple[dict[str, Any], dict[str, str]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PROBLEM = "application/problem+json"
AWAY_SECONDS = 2

log = logging.getLogger(__name__)


def problem(
    status: int, code: str, detail: str, *, retry_after: int | None = None, **more: Any
) -> Described:
    """The body and the headers of a problem."""
    body = {
        "type": f"urn:voicemill:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return body | more, headers


OVERLOADED = problem(
    503, "overloaded", "Too many requests wait for this API; repeat it shortly.", retry_after=2
)


def answer_exception(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler: every error this API knows, and the ledger being away."""
    described = describe(error)
    if described is None:
        return None
    body, headers = described
    return Response(body, status=body["status"], headers=headers, content_type=PROBLEM)


def describe(error: Exception) -> Described | None:
    """What to answer for an error, or None where it is a bug."""
    if isinstance(error, Http404):
        return problem(404, "not_found", "There is nothing at this address.")
    if isinstance(error, exceptions.APIException):
        return _of_rest(error)
    if isinstance(error, OperationalError | InterfaceError):
        return _of_database(error)
    if isinstance(error, RequestDataTooBig):
        return problem(413, "body_too_large", "The request body is too large.")
    code = getattr(error, "code", None)
    if not isinstance(code, str):
        return None
    return _of_ours(error, code)


def _of_ours(error: Exception, code: str) -> Described:
    status = getattr(error, "status", HTTPStatus.UNPROCESSABLE_ENTITY)
    retry = getattr(error, "retry_after", None)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        retry = retry or AWAY_SECONDS
    return problem(status, code, str(error), retry_after=retry, **getattr(error, "details", {}))


def _of_rest(error: exceptions.APIException) -> Described:
    if isinstance(error, exceptions.ValidationError):
        return problem(
            400, "invalid_request", "Some fields are not as they should be.", errors=error.detail
        )
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else "invalid_request"
    wait = getattr(error, "wait", None)
    body, headers = problem(error.status_code, code, str(error.detail), retry_after=wait)
    if (challenge := getattr(error, "auth_header", None)) is not None:
        headers["WWW-Authenticate"] = challenge
    return body, headers


def _of_database(error: DatabaseError | InterfaceError) -> Described:
    log.warning("the ledger is away: %s", error)
    connection.close()
    return problem(
        503,
        "database_down",
        "The ledger did not answer, and may or may not have heard this. Repeat it shortly, with the"
        " same Idempotency-Key where it submits something.",
        retry_after=AWAY_SECONDS,
    )


class ProblemMiddleware:
    """Gives errors outside DRF's views the same face; keeps NULs out, which no database takes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest("a NUL in the address")
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, SuspiciousOperation):
            return None
        if isinstance(error, Http404) and not request.path.startswith("/api/"):
            return None
        described = describe(error)
        return None if described is None else as_json(described)


def as_json(described: Described) -> JsonResponse:
    body, headers = described
    return JsonResponse(body, status=body["status"], headers=headers, content_type=PROBLEM)


async def send_problem(described: Described, send: Send, *, more: bool = False) -> None:
    """The same answer, where there is no view: over ASGI. With `more` the caller ends it."""
    body, extra = described
    content = json.dumps(body).encode()
    headers = {"Content-Type": PROBLEM, "Content-Length": str(len(content))} | extra
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": body["status"], "headers": pairs})
    await send({"type": "http.response.body", "body": content, "more_body": more})


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not is_for_programs(request):
        return defaults.page_not_found(request, exception)
    return as_json(problem(404, "not_found", f"There is nothing at {request.path[:200]}."))


def is_for_programs(request: HttpRequest) -> bool:
    """The admin answers people, with pages."""
    return not request.path.startswith("/admin")


def server_error(request: HttpRequest) -> HttpResponse:
    if not is_for_programs(request):
        return defaults.server_error(request)
    return as_json(internal_error())


def internal_error() -> tuple[dict[str, Any], dict[str, str]]:
    return problem(500, "internal_error", "This is our fault; the log has the details.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return as_json(problem(400, "bad_request", "The request could not be understood."))
