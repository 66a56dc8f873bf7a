"""Keys at the door of the REST API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import authentication, exceptions, permissions

from tenants.about import note
from tenants.callers import Caller, find_caller

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


CHALLENGE = 'Bearer realm="voicemill"'


def read_key(header: str) -> Caller | None:
    """The caller an Authorization header speaks for; None where there is no header."""
    scheme, _, token = header.partition(" ")
    if not scheme:
        return None
    caller = find_caller(token.strip()) if scheme.lower() == "bearer" else None
    if caller is None:
        refused = "This key is unknown, expired or revoked."
        raise _challenging(exceptions.AuthenticationFailed(refused, code="key_refused"))
    note(tenant=caller.tenant_id)
    return caller


def admit(header: str, scope: str) -> Caller:
    """The caller, if its key may do this; the same refusals as at the door of a DRF view."""
    caller = read_key(header)
    if caller is None:
        raise _challenging(exceptions.NotAuthenticated())
    if scope not in caller.scopes:
        raise exceptions.PermissionDenied(HasScope.message, HasScope.code)
    return caller


def _challenging(error: exceptions.APIException) -> exceptions.APIException:
    error.auth_header = CHALLENGE  # type: ignore[attr-defined]
    return error


class KeyAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer vm_<id>_<secret>`."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        caller = read_key(request.META.get("HTTP_AUTHORIZATION", ""))
        return (caller, caller) if caller else None

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class HasScope(permissions.BasePermission):
    """The key must carry the scope its view names for the method."""

    code = "scope_missing"
    message = "This key lacks the scope that this address needs."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, Caller):
            return False
        scopes: dict[str, str] = getattr(view, "scopes", {})
        method = request.method or ""
        needed = scopes.get("GET" if method == "HEAD" else method)
        if needed is None:
            raise exceptions.MethodNotAllowed(method)
        return needed in request.auth.scopes


def caller_of(request: Request) -> Caller:
    """The caller of an authenticated request."""
    if not isinstance(request.auth, Caller):
        raise exceptions.NotAuthenticated
    return request.auth
