"""Who did what: a line in the transaction of the deed, which nobody edits or deletes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Case, F, Value, When

from tenants.about import about
from tenants.models import AuditLine

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.db.models import QuerySet


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a tenant's person or the platform's staff, a program's key, the platform itself."""

    kind: str
    id: str
    name: str


STAFF = "staff"
PLATFORM = Actor("platform", "", "Voicemill")


def of_person(user: AbstractBaseUser | AnonymousUser) -> Actor:
    """Somebody signed in. Who belongs to no tenant is the platform's staff."""
    kind = STAFF if getattr(user, "membership", None) is None else "person"
    return Actor(kind, str(user.pk), user.get_username())


def record(
    actor: Actor,
    action: str,
    *,
    tenant_id: UUID | None,
    kind: str = "",
    object_id: object = "",
    name: str = "",
    **detail: Any,
) -> None:
    """One line, such as `voice.published`. Never a customer's text, and never a secret."""
    AuditLine.objects.create(
        tenant_id=tenant_id,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        action=action,
        object_kind=kind,
        object_id=str(object_id),
        object_name=name[:120],
        detail=detail,
        request_id=str(about().get("request", "")),
    )


def told(lines: QuerySet[AuditLine], *, insider: bool) -> QuerySet[AuditLine, Any]:
    """With `told_by`: who did it. Outside the platform none of its staff has a name."""
    name: Any = F("actor_name")
    if not insider:
        name = Case(When(actor_kind=STAFF, then=Value(PLATFORM.name)), default=name)
    return lines.annotate(told_by=name)
