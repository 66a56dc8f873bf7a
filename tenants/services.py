"""Creating tenants; issuing, rotating and revoking their keys."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from tenants.audit import PLATFORM, record
from tenants.models import ApiKey, Tenant, Tier
from tenants.scopes import ALL_SCOPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from tenants.audit import Actor

LIVE_KEYS = 2
KEY_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


class RotationError(Exception):
    """This key cannot be rotated."""

    def __str__(self) -> str:
        return (self.__doc__ or "").strip()


class TooManyKeysError(RotationError):
    """Two keys of this name are live already: revoke one before you rotate again."""


class KeyNotLiveError(RotationError):
    """This key no longer works, so there is nothing to replace: issue a new one."""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key with its token, which exists only here."""

    key: ApiKey
    token: str


@transaction.atomic
def create_tenant(
    *, slug: str, name: str, tier: str, commercial: bool = True, actor: Actor = PLATFORM
) -> Tenant:
    tenant = Tenant.objects.create(
        slug=slug, name=name, tier=Tier.objects.get(slug=tier), commercial=commercial
    )
    record(
        actor, "tenant.added", tenant_id=tenant.id, kind="tenant", object_id=tenant.id, name=name
    )
    return tenant


@transaction.atomic
def issue_key(
    *, tenant: Tenant, name: str, scopes: Sequence[str] = ALL_SCOPES, actor: Actor = PLATFORM
) -> IssuedKey:
    """A new key beside the tenant's others; its token cannot be shown again."""
    issued = _make_key(tenant, name, scopes)
    _note(actor, "key.issued", issued.key, scopes=issued.key.scopes)
    return issued


@transaction.atomic
def rotate_key(
    *, key: ApiKey, grace: timedelta = timedelta(days=7), actor: Actor = PLATFORM
) -> IssuedKey:
    """A successor with the same name and scopes; the old key works until the grace is over."""
    Tenant.objects.select_for_update(no_key=True).get(id=key.tenant_id)
    live = live_keys().filter(tenant_id=key.tenant_id, name=key.name)
    if not live.filter(id=key.id).exists():
        raise KeyNotLiveError
    if live.count() >= LIVE_KEYS:
        raise TooManyKeysError
    ends = timezone.now() + grace
    ApiKey.objects.filter(id=key.id).update(expires_at=min(key.expires_at or ends, ends))
    issued = _make_key(key.tenant, key.name, key.scopes)
    _note(actor, "key.rotated", key, into=issued.key.id)
    return issued


@transaction.atomic
def revoke_key(*, key: ApiKey, actor: Actor = PLATFORM) -> bool:
    """False when it was revoked before. Processes forget a cached key within seconds."""
    changed = ApiKey.objects.filter(id=key.id, revoked_at=None).update(revoked_at=timezone.now())
    if changed:
        _note(actor, "key.revoked", key)
    return changed == 1


def _make_key(tenant: Tenant, name: str, scopes: Sequence[str]) -> IssuedKey:
    key_id = "".join(secrets.choice(KEY_ALPHABET) for _ in range(12))
    secret = secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        id=key_id, tenant=tenant, name=name, scopes=list(scopes), secret_sha256=digest(secret)
    )
    return IssuedKey(key, f"vm_{key_id}_{secret}")


def _note(actor: Actor, action: str, key: ApiKey, **detail: object) -> None:
    record(
        actor,
        action,
        tenant_id=key.tenant_id,
        kind="key",
        object_id=key.id,
        name=key.name,
        **detail,
    )


def live_keys() -> QuerySet[ApiKey]:
    unexpired = Q(expires_at=None) | Q(expires_at__gt=Now())
    return ApiKey.objects.filter(unexpired, revoked_at=None)


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
