"""People at the door of the REST API: the admin's pages ask it like any program, by role."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from rest_framework import authentication, exceptions

from tenants.about import note
from tenants.audit import of_person
from tenants.callers import Caller, caller_for
from tenants.models import Tenant
from tenants.people import membership_of
from tenants.roles import RIGHTS, Right, Role
from tenants.scopes import ALL_SCOPES, Scope

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from rest_framework.request import Request

TENANT = "X-Tenant"  # for the platform's staff: on whose behalf
READS = frozenset(
    {
        Scope.JOBS_READ,
        Scope.VOICES_READ,
        Scope.PERSONALITIES_READ,
        Scope.USAGE_READ,
    }
)
# Who may edit may also consent, clone and publish (tenants/roles.py): one scope for all of these.
SCOPES = {
    Right.SEE: READS,
    Right.SPEAK: {Scope.JOBS_WRITE},
    Right.EDIT: {Scope.VOICES_WRITE, Scope.PERSONALITIES_WRITE},
    Right.ERASE: {Scope.VOICES_ERASE},
    Right.AUDIT: {Scope.AUDIT_READ},
    Right.WEBHOOKS: {Scope.WEBHOOKS_READ, Scope.WEBHOOKS_WRITE},
}


class PersonAuthentication(authentication.SessionAuthentication):
    """The session of somebody signed in. What changes something carries the page's own token."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        signed_in = super().authenticate(request)
        if signed_in is None:
            return None
        caller = caller_for_person(signed_in[0], request.headers.get(TENANT, ""))
        if caller is None:
            return None
        note(tenant=caller.tenant_id)
        return caller, caller

    def enforce_csrf(self, request: Request) -> None:
        """The refusal has a code of its own: another page than ours has asked."""
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied as error:
            raise exceptions.PermissionDenied(str(error.detail), "page_token_missing") from error


def caller_for_person(user: User, tenant: str) -> Caller | None:
    """A tenant's person by role; the platform's superusers for the tenant they name."""
    if (person := membership_of(user)) is not None:
        scopes = scopes_of(Role(person.role))
        return caller_for(person.tenant, scopes, of_person(user))
    if not user.is_superuser or (found := _tenant(tenant)) is None:
        return None
    return caller_for(found, ALL_SCOPES, of_person(user))


def scopes_of(role: Role) -> frozenset[str]:
    return frozenset(scope for right in RIGHTS[role] for scope in SCOPES.get(right, ()))


def _tenant(named: str) -> Tenant | None:
    try:
        return Tenant.objects.filter(id=uuid.UUID(named)).first()
    except ValueError:
        return None
