"""Creating tenants; issuing, rotating and revoking their keys."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from tenants.models import ApiKey, Tenant, Tier
from tenants.scopes import ALL_SCOPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

LIVE_KEYS = 2
KEY_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


class TooManyKeysError(Exception):
    """Two keys of this name are live already: revoke one before rotating again."""


class KeyNotLiveError(Exception):
    """This key is revoked or expired: issue a new one instead."""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key with its token, which exists only here."""

    key: ApiKey
    token: str


def create_tenant(*, slug: str, name: str, tier: str, commercial: bool = True) -> Tenant:
    return Tenant.objects.create(
        slug=slug, name=name, tier=Tier.objects.get(slug=tier), commercial=commercial
    )


def issue_key(*, tenant: Tenant, name: str, scopes: Sequence[str] = ALL_SCOPES) -> IssuedKey:
    """A new key beside the tenant's others; its token cannot be shown again."""
    key_id = "".join(secrets.choice(KEY_ALPHABET) for _ in range(12))
    secret = secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        id=key_id, tenant=tenant, name=name, scopes=list(scopes), secret_sha256=digest(secret)
    )
    return IssuedKey(key, f"vm_{key_id}_{secret}")


@transaction.atomic
def rotate_key(*, key: ApiKey, grace: timedelta = timedelta(days=7)) -> IssuedKey:
    """A successor with the same name and scopes; the old key works until the grace is over."""
    Tenant.objects.select_for_update().get(id=key.tenant_id)
    live = live_keys(key.tenant).filter(name=key.name)
    if not live.filter(id=key.id).exists():
        raise KeyNotLiveError
    if live.count() >= LIVE_KEYS:
        raise TooManyKeysError
    ends = timezone.now() + grace
    ApiKey.objects.filter(id=key.id).update(expires_at=min(key.expires_at or ends, ends))
    return issue_key(tenant=key.tenant, name=key.name, scopes=key.scopes)


def revoke_key(*, key: ApiKey) -> bool:
    """False when it was revoked before. Processes forget a cached key within seconds."""
    changed = ApiKey.objects.filter(id=key.id, revoked_at=None).update(revoked_at=timezone.now())
    return changed == 1


def live_keys(tenant: Tenant) -> QuerySet[ApiKey]:
    now = timezone.now()
    unexpired = Q(expires_at=None) | Q(expires_at__gt=now)
    return ApiKey.objects.filter(unexpired, tenant=tenant, revoked_at=None)


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
