"""Who did what: a line in the transaction of the deed, which nobody edits or deletes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenants.about import about
from tenants.models import AuditLine

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    from tenants.callers import Caller


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person in the admin, a program with a key, or the platform itself."""

    kind: str
    id: str
    name: str


PLATFORM = Actor("platform", "", "Voicemill")


def of_key(caller: Caller) -> Actor:
    return Actor("key", caller.key_id, f"vm_{caller.key_id}_…")


def of_person(user: AbstractBaseUser | AnonymousUser) -> Actor:
    return Actor("person", str(user.pk), user.get_username())


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
