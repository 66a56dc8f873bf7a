"""Who calls: a key's token turned into the tenant it speaks for, cached for seconds."""

from __future__ import annotations

import hmac
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models.functions import Now

from tenants.audit import Actor
from tenants.models import ApiKey
from tenants.services import digest, live_keys

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from django.db.models import QuerySet

    from tenants.models import Tenant

CACHE_SECONDS = 5.0
CACHE_SIZE = 4096


@dataclass(frozen=True, slots=True)
class Caller:
    """A tenant as its key, or somebody of its own, sees it, limits resolved."""

    tenant_id: UUID
    key_id: str
    actor: Actor
    scopes: frozenset[str]
    speaks: bool
    commercial: bool
    max_queued: int
    is_authenticated: bool = True


_cache: dict[str, tuple[float, Caller]] = {}
_lock = threading.Lock()


def find_caller(token: str) -> Caller | None:
    """The caller a token stands for, or None where it stands for nobody (any more)."""
    name = digest(token)  # the secret itself is never a key of the cache
    known = _cache.get(name)
    if known and known[0] > time.monotonic():
        return known[1]
    if (caller := _look_up(token)) is not None:
        _remember(name, caller)
    return caller


def _remember(name: str, caller: Caller) -> None:
    with _lock:
        if len(_cache) >= CACHE_SIZE:
            _cache.clear()
        _cache[name] = (time.monotonic() + CACHE_SECONDS, caller)


def living_keys(key_ids: Iterable[str], scope: str) -> set[str]:
    """Which of these keys may still do this, as the ledger says now."""
    found = _alive().filter(id__in=list(key_ids)).values_list("id", "scopes")
    return {key_id for key_id, scopes in found if scope in scopes}


def forget_callers() -> None:
    """Empty the cache (after a change that must be seen at once)."""
    _cache.clear()


def _look_up(token: str) -> Caller | None:
    prefix, key_id, secret = (*token.split("_", 2), "", "")[:3]
    if prefix != "vm" or "\x00" in token:
        return None
    key = _live_key(key_id)
    stored = key.secret_sha256 if key else "0" * 64
    if not hmac.compare_digest(stored, digest(secret)) or key is None:
        return None
    _note_use(key_id)
    actor = Actor("key", key.id, f"vm_{key.id}_…")
    return caller_for(key.tenant, key.scopes, actor, key_id=key.id)


def _live_key(key_id: str) -> ApiKey | None:
    return _alive().filter(id=key_id).select_related("tenant__tier").first()


def _alive() -> QuerySet[ApiKey]:
    return live_keys().filter(tenant__active=True)


def caller_for(tenant: Tenant, scopes: Iterable[str], actor: Actor, *, key_id: str = "") -> Caller:
    return Caller(
        tenant_id=tenant.id,
        key_id=key_id,
        actor=actor,
        scopes=frozenset(scopes),
        speaks=tenant.tier.speaks,
        commercial=tenant.commercial,
        max_queued=tenant.limit("max_queued"),
    )


def _note_use(key_id: str) -> None:
    ApiKey.objects.filter(id=key_id).update(last_used_at=Now())
