"""The voice that a personality has of its own: recorded for, tuned, spoken with or not, erased.

Who changes it holds the tenant's personalities first and the voice after, like whoever makes one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.conf import settings as platform
from django.db import transaction
from django.db.models import Q

from personalities.errors import OwnVoiceMissingError
from personalities.models import Personality
from personalities.selectors import find_personality
from personalities.services import hold_personality, note, numbered, save_personality
from tenants.models import Tenant
from voices.errors import VoiceNotFoundError
from voices.models import Voice
from voices.owning.describing import create_voice, hold
from voices.owning.drafting import change_settings
from voices.owning.erasing import begin_erasure, carry_out
from voices.owning.errors import VoiceNotReadyError
from voices.owning.publishing import speaks
from voices.samples.selectors import owner_of
from voices.samples.uploading import receive
from voices.selectors import as_uuid, find_voice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenants.audit import Actor
    from voices.samples.uploading import Received, Upload

ROOM = 55  # of a slug's 60 characters: the rest is for a number


class Mode(StrEnum):
    """Whether a personality speaks in a voice of its own, or in one that all have."""

    CUSTOM = "custom"
    DEFAULT = "default"


def own_voice_of(personality: Personality) -> Voice | None:
    """What it speaks with, where that is the tenant's own; else what is being made for it."""
    voices = (personality.voice, personality.own_voice)
    own = (voice for voice in voices if voice and voice.tenant_id and not voice.erasing_since)
    return next(own, None)


def mode_of(personality: Personality) -> Mode:
    voice = personality.voice
    return Mode.CUSTOM if voice and voice.tenant_id else Mode.DEFAULT


def upload_recordings(
    *, personality: Personality, uploads: Sequence[Upload], actor: Actor, ceiling: int
) -> list[Received]:
    """Samples of its own voice, which the first of them makes. What it speaks with stays."""

    def find() -> Voice:
        held = hold_personality(personality.tenant_id, personality.id, None)
        return own_voice_of(held) or _begin_voice(held, actor)

    return receive(
        tenant_id=personality.tenant_id,
        find_voice=find,
        uploads=uploads,
        actor=actor,
        ceiling=ceiling,
    )


def _begin_voice(personality: Personality, actor: Actor) -> Voice:
    """One that nobody can speak yet, called like the personality."""
    voice = create_voice(
        tenant_id=personality.tenant_id,
        actor=actor,
        slug=_free_slug(personality),
        name=personality.name,
        language=_language(personality),
    )
    personality.own_voice = voice
    save_personality(personality)
    note(actor, "voice_begun", personality, voice=str(voice.id))
    return voice


def _free_slug(personality: Personality) -> str:
    """As near to the personality's as may be; a voice's has two characters and no underscore."""
    base = personality.slug.replace("_", "-")[:ROOM].strip("-")
    seen = Q(tenant=None) | Q(tenant_id=personality.tenant_id)
    named = Voice.objects.filter(seen, slug__startswith=base)
    taken = set(named.values_list("slug", flat=True))
    free = (name for name in numbered(base) if name not in taken and len(name) > 1)
    return next(name for name in free if as_uuid(name) is None)


def _language(personality: Personality) -> str:
    """What it speaks now, or would."""
    voices = (personality.voice, personality.fallback_voice, _platforms_voice(personality))
    return next((voice.language for voice in voices if voice), "en")


@transaction.atomic
def configure_voice(
    *,
    personality: Personality,
    actor: Actor,
    expected: int | None,
    mode: Mode | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Personality:
    """Turn the draft of its own voice, choose whether it speaks in that: all of it or nothing."""
    held = hold_personality(personality.tenant_id, personality.id, expected)
    turned = settings is not None and _turn(held, actor, settings)
    chosen = mode is not None and _choose(held, mode)
    if turned or chosen:
        save_personality(held)
        changed = [name for name, done in (("settings", turned), ("mode", chosen)) if done]
        voice = held.voice and held.voice.slug
        note(actor, "voice_changed", held, changed=changed, mode=mode_of(held), voice=voice)
    return held


def _turn(personality: Personality, actor: Actor, settings: Mapping[str, Any]) -> bool:
    own = _hold_own(personality)
    turned = change_settings(voice=own, actor=actor, expected=None, settings=settings)
    return turned.version != own.version


def _choose(personality: Personality, mode: Mode) -> bool:
    """Whether it speaks with another voice from now on."""
    before = personality.voice
    if mode == Mode.CUSTOM:
        _take_up(personality)
    elif before is None or before.tenant_id:
        _lay_down(personality)
    return personality.voice != before


def _take_up(personality: Personality) -> None:
    """What it spoke with until now stands in from now on, where nothing does yet."""
    own = _hold_own(personality)
    if own == personality.voice:
        return
    if not (own.active and speaks(own)):
        raise VoiceNotReadyError(
            f"This personality's own voice cannot speak now (status: {own.status}): see"
            f" /api/v1/voices/{own.slug}."
        )
    personality.fallback_voice = personality.fallback_voice or personality.voice
    personality.voice = personality.own_voice = own


def _lay_down(personality: Personality) -> None:
    """Its own voice stays, remembered."""
    personality.own_voice = own_voice_of(personality)
    personality.voice = _default_voice(personality)


def _default_voice(personality: Personality) -> Voice | None:
    """What stands in, where that is a stock voice; else the platform's."""
    other = personality.fallback_voice
    stock = other is not None and other.tenant_id is None and other.active
    return other if stock else _platforms_voice(personality)


def _platforms_voice(personality: Personality) -> Voice | None:
    try:
        voice = find_voice(personality.tenant_id, platform.DEFAULT_VOICE)
    except VoiceNotFoundError:
        return None
    return None if voice.tenant_id else voice


def _hold_own(personality: Personality) -> Voice:
    own = own_voice_of(personality)
    if own is None:
        raise OwnVoiceMissingError
    try:
        return hold(own)
    except VoiceNotFoundError:  # erased since we looked
        raise OwnVoiceMissingError from None


def erase_own_voice(*, personality: Personality, actor: Actor, expected: int | None) -> Personality:
    """Its own voice goes for good; whoever spoke in it speaks with a default from then on."""
    voice = _begin_erasure(personality, actor, expected)
    carry_out(voice)
    return find_personality(personality.tenant_id, str(personality.id))


@transaction.atomic
def _begin_erasure(personality: Personality, actor: Actor, expected: int | None) -> Voice:
    voice = _hold_own(hold_personality(personality.tenant_id, personality.id, expected))
    begin_erasure(voice, actor, None)
    return voice


def let_go(voice: Voice, actor: Actor) -> None:
    """Before it is erased, however: whoever speaks in it speaks with a default from then on.

    Nobody edits a personality of the tenant meanwhile, and none takes the voice up again.
    """
    Tenant.objects.select_for_update(no_key=True).get(id=owner_of(voice))
    named = Q(voice=voice) | Q(fallback_voice=voice) | Q(own_voice=voice)
    bearers = Personality.objects.filter(named)
    for bearer in bearers.select_related("voice", "fallback_voice", "own_voice"):
        _forget(bearer, voice)
        save_personality(bearer)
        spoken = bearer.voice and bearer.voice.slug
        note(actor, "voice_lost", bearer, lost=voice.slug, voice=spoken)


def _forget(personality: Personality, voice: Voice) -> None:
    if personality.own_voice == voice:
        personality.own_voice = None
    if personality.fallback_voice == voice:
        personality.fallback_voice = None
    if personality.voice == voice:
        personality.voice = _default_voice(personality)
