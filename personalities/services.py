"""Making, editing and deleting personalities. One who edits what has changed is told."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import chain, count
from typing import TYPE_CHECKING, Any, cast

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.text import slugify

from personalities.errors import (
    PersonalityNotFoundError,
    SlugTakenError,
)
from personalities.models import Personality
from personalities.selectors import check_active
from personalities.settling import settle
from tenants.audit import record
from tenants.limits import LimitReachedError
from tenants.models import Tenant
from tenants.versions import VersionChangedError
from voices.selectors import as_uuid, find_voice

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

    from tenants.audit import Actor
    from voices.models import Voice

MOST = 200  # personalities of a tenant
LONGEST_SLUG = 60
TEXTS = ("slug", "name", "role", "description", "greeting", "system_prompt", "active")
COLUMNS = (*TEXTS, "traits", "style", "voice_id", "fallback_engine", "fallback_voice_id")
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
RESERVED = {"import"}


@transaction.atomic
def create_personality(
    *, tenant_id: UUID, actor: Actor, fields: Mapping[str, Any], action: str = "created"
) -> Personality:
    """One more. Without a slug it gets one from its name; no new one is primary."""
    lock_personalities(tenant_id)
    check_room(tenant_id)
    made = Personality(tenant_id=tenant_id, version=1)
    _describe(made, {**fields, "slug": fields.get("slug") or free_slug(tenant_id, fields["name"])})
    check_slug(tenant_id, made.slug, besides=made.id)
    made.save(force_insert=True)
    made.refresh_from_db(fields=["created_at", "updated_at"])
    note(actor, action, made)
    return made


@transaction.atomic
def edit_personality(
    *,
    tenant_id: UUID,
    personality_id: UUID,
    actor: Actor,
    expected: int | None,
    fields: Mapping[str, Any],
) -> Personality:
    """Change what is named. The primary, switched off, hands its mark to the next active one."""
    edited = hold_personality(tenant_id, personality_id, expected)
    before = _columns(edited)
    _describe(edited, fields)
    check_slug(tenant_id, edited.slug, besides=edited.id)
    was_primary, edited.primary = edited.primary, edited.primary and edited.active
    save_personality(edited)
    if was_primary and not edited.primary:
        _pass_mark(tenant_id)
    after = _columns(edited)
    note(actor, "edited", edited, changed=[n for n in COLUMNS if before[n] != after[n]])
    return edited


@transaction.atomic
def make_primary(*, tenant_id: UUID, personality_id: UUID, actor: Actor) -> Personality:
    """From now on it answers where nobody else is named. The one before it loses the mark."""
    chosen = hold_personality(tenant_id, personality_id, None)
    check_active(chosen)
    if chosen.primary:
        return chosen
    others = Personality.objects.filter(tenant_id=tenant_id, primary=True)
    others.update(primary=False, version=F("version") + 1, updated_at=Now())
    chosen.primary = True
    save_personality(chosen)
    note(actor, "made_primary", chosen)
    return chosen


@transaction.atomic
def delete_personality(
    *, tenant_id: UUID, personality_id: UUID, actor: Actor, expected: int | None
) -> Personality | None:
    """Gone for good. Where it was primary the first active one is now, or none: the answer."""
    doomed = hold_personality(tenant_id, personality_id, expected)
    doomed.delete()
    doomed.id = personality_id
    heir = _pass_mark(tenant_id) if doomed.primary else None
    note(actor, "deleted", doomed, primary_now=heir.slug if heir else None)
    return heir


def check_room(tenant_id: UUID) -> None:
    if Personality.objects.filter(tenant_id=tenant_id).count() >= MOST:
        raise LimitReachedError("personalities", MOST)


def check_slug(tenant_id: UUID, slug: str, *, besides: UUID) -> None:
    same = Personality.objects.filter(tenant_id=tenant_id, slug=slug)
    if same.exclude(id=besides).exists():
        raise SlugTakenError


def free_slug(tenant_id: UUID, wanted: str) -> str:
    """A slug that nobody has, as near to these words as may be."""
    base = slugify(wanted)[: LONGEST_SLUG - 5].strip("-_") or "personality"
    taken = set(
        Personality.objects.filter(tenant_id=tenant_id, slug__startswith=base).values_list(
            "slug", flat=True
        )
    )
    return next(name for name in numbered(base) if name not in taken and is_slug(name))


def numbered(base: str) -> Iterator[str]:
    """ada, ada-2, ada-3 and so on."""
    return chain([base], (f"{base}-{number}" for number in count(2)))


def is_slug(text: str) -> bool:
    """A name in an address: no id, and no other address of ours."""
    return SLUG.fullmatch(text) is not None and text not in RESERVED and as_uuid(text) is None


def lock_personalities(tenant_id: UUID) -> None:
    """Who changes a tenant's personalities does so alone; jobs are accepted meanwhile."""
    settle(tenant_id)
    Tenant.objects.select_for_update(no_key=True).get(id=tenant_id)


def hold_personality(tenant_id: UUID, personality_id: UUID, expected: int | None) -> Personality:
    """As it is now, and as it stays until the transaction ends but for us."""
    lock_personalities(tenant_id)
    rows = Personality.objects.filter(tenant_id=tenant_id, id=personality_id)
    if (found := rows.select_related("voice", "fallback_voice", "own_voice").first()) is None:
        raise PersonalityNotFoundError
    if expected not in {None, found.version}:
        raise VersionChangedError
    return found


def _describe(personality: Personality, fields: Mapping[str, Any]) -> None:
    """Put what is named into the row; what is not named stays."""
    for name in TEXTS:
        if name in fields:
            setattr(personality, name, fields[name])
    if "traits" in fields:
        traits = replace(personality.read_traits(), **fields["traits"])
        personality.traits = traits.as_json()
    if "response_style" in fields:
        style = replace(personality.read_style(), **fields["response_style"])
        personality.style = style.as_json()
    _choose_voices(personality, fields)


def _choose_voices(personality: Personality, fields: Mapping[str, Any]) -> None:
    if "voice" in fields:
        personality.voice = _voice(personality, fields["voice"], personality.voice)
    if "fallback" in fields:
        fallback = fields["fallback"] or {"engine": "", "voice": None}
        personality.fallback_engine = fallback.get("engine", personality.fallback_engine)
        if "voice" in fallback:
            wanted, present = fallback["voice"], personality.fallback_voice
            personality.fallback_voice = _voice(personality, wanted, present)


def _voice(personality: Personality, reference: str | None, present: Voice | None) -> Voice | None:
    """A stock voice or the tenant's own; any other is not found. One that is switched off stays."""
    if present is not None and reference == str(present.id):
        return present
    return find_voice(personality.tenant_id, reference) if reference else None


def save_personality(personality: Personality) -> None:
    """Changes that an editor must have seen: the version moves."""
    personality.version += 1
    personality.updated_at = cast(Any, Now())
    personality.save(force_update=True)
    personality.refresh_from_db(fields=["updated_at"])


def _pass_mark(tenant_id: UUID) -> Personality | None:
    heir = Personality.objects.filter(tenant_id=tenant_id, active=True).first()
    if heir is not None:
        heir.primary = True
        save_personality(heir)
    return heir


def _columns(personality: Personality) -> dict[str, Any]:
    return {name: getattr(personality, name) for name in COLUMNS}


def note(actor: Actor, deed: str, personality: Personality, **detail: Any) -> None:
    record(
        actor,
        f"personality.{deed}",
        tenant_id=personality.tenant_id,
        kind="personality",
        object_id=personality.id,
        name=personality.name,
        **detail,
    )
