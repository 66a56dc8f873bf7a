"""Creating and describing voices of a tenant's own, as many as its tier allows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q

from tenants import audit
from tenants.limits import LimitReachedError, lock_limits
from tenants.versions import VersionChangedError
from voices.errors import VoiceNotFoundError
from voices.models import Status, Voice
from voices.owning.errors import (
    NoCustomVoicesError,
    SlugTakenError,
    SlugUnfitError,
    StockVoiceError,
)
from voices.selectors import as_uuid, find_own_voice, find_voice

if TYPE_CHECKING:
    from uuid import UUID

    from tenants.audit import Actor

DESCRIBED = ("name", "language", "gender", "description")
SLUG = r"^[a-z0-9][a-z0-9-]{0,58}[a-z0-9]$"
TAG = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"  # BCP 47


@transaction.atomic
def create_voice(*, tenant_id: UUID, actor: Actor, slug: str, **described: str) -> Voice:
    """A voice that nobody can speak yet. Of two who create the last one allowed one gets it."""
    check_room(tenant_id, more=1)
    check_slug(tenant_id, slug)
    said = {name: described[name] for name in DESCRIBED if name in described}
    voice = Voice.objects.create(tenant_id=tenant_id, slug=slug, status=Status.NONE, **said)
    note(actor, "voice.created", voice)
    return voice


def check_room(tenant_id: UUID, *, more: int = 0) -> None:
    """Raise where the tier has no voices of one's own, or not so many. Holds its limits."""
    allowed = lock_limits(tenant_id).custom_voices
    if allowed == 0:
        raise NoCustomVoicesError
    if allowed is not None and Voice.objects.filter(tenant_id=tenant_id).count() + more > allowed:
        raise LimitReachedError("custom voices", allowed)


@transaction.atomic
def change_voice(*, voice: Voice, actor: Actor, expected: int | None, **described: Any) -> Voice:
    """What is said of a voice, and whether it is `active`; how it sounds is in its settings."""
    held = hold(voice, expected)
    wanted = {name: described[name] for name in (*DESCRIBED, "active") if name in described}
    changed = {name: value for name, value in wanted.items() if getattr(held, name) != value}
    if changed:
        save(held, **changed)
        note(actor, "voice.changed", held, fields=sorted(changed))
    return held


def check_slug(tenant_id: UUID, slug: str) -> None:
    """A voice of one's own never hides a stock voice, nor any voice that is asked for by its id."""
    if not re.fullmatch(SLUG, slug) or as_uuid(slug) is not None:
        raise SlugUnfitError
    taken = Q(tenant=None) | Q(tenant_id=tenant_id)
    if Voice.objects.filter(taken, slug=slug).exists():
        raise SlugTakenError


def own_voice(tenant_id: UUID, reference: str) -> Voice:
    """The tenant's own, by id or slug. A stock voice is refused as such; another's is not found."""
    try:
        return find_own_voice(tenant_id, reference)
    except VoiceNotFoundError:
        find_voice(tenant_id, reference)
        raise StockVoiceError from None


def hold(voice: Voice, expected: int | None = None) -> Voice:
    """The voice as it is now, and as it stays until the transaction ends but for us.

    Raises where somebody has changed it since `expected`.
    """
    held = (
        Voice.objects.select_for_update(no_key=True).filter(id=voice.id, erasing_since=None).first()
    )
    if held is None:
        raise VoiceNotFoundError
    if expected is not None and held.version != expected:
        raise VersionChangedError
    return held


def save(voice: Voice, **changed: Any) -> None:
    """Changes that an editor must have seen: the version moves."""
    for name, value in (changed | {"version": voice.version + 1}).items():
        setattr(voice, name, value)
    voice.save(update_fields=[*changed, "version"])


def note(actor: Actor, action: str, voice: Voice, **detail: Any) -> None:
    """A line of the voice's story, which outlives it: the slug stands there, and no name."""
    audit.record(
        actor,
        action,
        tenant_id=voice.tenant_id,
        kind="voice",
        object_id=voice.id,
        name=voice.slug,
        **detail,
    )
