"""The people of a tenant: added, given a role, given a new password, removed."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth.models import User
from django.db import transaction

from tenants.audit import record
from tenants.models import Membership, Tenant
from tenants.roles import Role

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.models import AnonymousUser

    from tenants.audit import Actor

NAME = re.compile(r"[\w.+-]{1,60}")


class PersonError(Exception):
    """What was asked of a tenant's people cannot be."""

    def __str__(self) -> str:
        return (self.__doc__ or "").strip()


class LastOwnerError(PersonError):
    """A tenant with people keeps an owner: make somebody else an owner first."""


class PersonGoneError(PersonError):
    """This person was removed in the meantime."""


class NameTakenError(PersonError):
    """Somebody of this name is here already."""


class NameRefusedError(PersonError):
    """A name has letters, digits, dots, dashes and underscores, 60 at most."""


@dataclass(frozen=True, slots=True)
class Welcome:
    """A person and the password to begin with, which exists only here."""

    person: Membership
    password: str


def membership_of(user: User | AnonymousUser) -> Membership | None:
    """None for the platform's staff, and for who is not signed in."""
    found: Membership | None = getattr(user, "membership", None)
    return found


def sign_in_name(tenant: Tenant, name: str) -> str:
    """A name of one tenant says nothing about, and never meets, a name of another."""
    return f"{name}@{tenant.slug}"


@transaction.atomic
def add_person(*, tenant: Tenant, name: str, role: Role, actor: Actor) -> Welcome:
    """Somebody new; or somebody who was removed, let in again."""
    if not NAME.fullmatch(name):
        raise NameRefusedError
    _lock(tenant.id)
    user, _ = User.objects.get_or_create(
        username=sign_in_name(tenant, name), defaults={"is_active": False}
    )
    if user.is_active or user.is_staff or Membership.objects.filter(user=user).exists():
        raise NameTakenError
    person = Membership.objects.create(user=user, tenant=tenant, role=role)
    password = _let_in(user)
    _note(actor, "person.added", person, role=role)
    return Welcome(person, password)


@transaction.atomic
def change_role(*, person: Membership, role: Role, actor: Actor) -> None:
    _hold(person)
    before = person.role
    if before == Role.OWNER and role != Role.OWNER:
        _check_others_own(person)
    person.role = role
    person.save(update_fields=["role"])
    _note(actor, "person.role_changed", person, before=before, role=role)


@transaction.atomic
def renew_password(*, person: Membership, actor: Actor) -> Welcome:
    """A new password to begin with; whoever is signed in with the old one is signed out."""
    _hold(person)
    password = _let_in(person.user)
    _note(actor, "person.password_renewed", person)
    return Welcome(person, password)


@transaction.atomic
def remove_person(*, person: Membership, actor: Actor) -> None:
    """Locked out at once. The name stays, because the log tells of its deeds."""
    _hold(person)
    if person.role == Role.OWNER:
        _check_others_own(person)
    _note(actor, "person.removed", person, role=person.role)
    person.delete()
    person.user.is_active = False
    person.user.set_unusable_password()
    person.user.save(update_fields=["is_active", "password"])


def _hold(person: Membership) -> None:
    """As they are now, and as they stay until the transaction ends but for us."""
    _lock(person.tenant_id)
    try:
        person.refresh_from_db()
    except Membership.DoesNotExist:
        raise PersonGoneError from None


def _lock(tenant_id: UUID) -> None:
    """Two who each see another owner cannot both go."""
    Tenant.objects.select_for_update(no_key=True).get(id=tenant_id)


def _check_others_own(person: Membership) -> None:
    owners = Membership.objects.filter(tenant_id=person.tenant_id, role=Role.OWNER)
    if not owners.filter(user__is_active=True).exclude(id=person.id).exists():
        raise LastOwnerError


def _let_in(user: User) -> str:
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.is_active = True
    user.save(update_fields=["password", "is_active"])
    return password


def _note(actor: Actor, action: str, person: Membership, **detail: object) -> None:
    record(
        actor,
        action,
        tenant_id=person.tenant_id,
        kind="person",
        object_id=person.user_id,
        name=person.user.get_username(),
        **detail,
    )
