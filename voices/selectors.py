"""Reading voices and what can speak them; what every submit needs is remembered for a moment."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from jobs.remembered import Remembered
from jobs.selectors import engine_offers
from voices.errors import VoiceNotFoundError
from voices.models import Revision, Voice
from voices.owning.speaking import SpokenVoice, read_own_voice
from voices.routing import Bound, Offered, brings_its_model, offers_by_engine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from django.db.models import QuerySet

    from voices.models import Binding


_voices: Remembered[SpokenVoice | UUID] = Remembered()  # of a tenant's own only which it is
_offers: Remembered[tuple[Offered, ...]] = Remembered()


def forget_remembered() -> None:
    """See changes of this process at once."""
    _voices.forget()
    _offers.forget()


def visible_voices(tenant_id: UUID) -> QuerySet[Voice]:
    """The stock voices and the tenant's own."""
    seen = Q(tenant=None) | Q(tenant_id=tenant_id)
    return Voice.objects.filter(seen, active=True, erasing_since=None)


def find_voice(tenant_id: UUID, reference: str) -> Voice:
    """By id or slug; a tenant's own voice goes before a stock voice of the same slug."""
    found = visible_voices(tenant_id).filter(_named(reference)).order_by("tenant_id").first()
    return _found(found, reference)


def find_own_voice(tenant_id: UUID, reference: str) -> Voice:
    """A voice of the tenant's own, by id or slug, also while nobody can speak it."""
    mine = Voice.objects.filter(tenant_id=tenant_id, erasing_since=None)
    return _found(mine.filter(_named(reference)).first(), reference)


def find_any_voice(tenant_id: UUID, reference: str) -> Voice:
    """One's own, also while nobody can speak it; else a stock voice."""
    try:
        return find_own_voice(tenant_id, reference)
    except VoiceNotFoundError:
        return find_voice(tenant_id, reference)


def _named(reference: str) -> Q:
    voice_id = as_uuid(reference)
    return Q(slug=reference) if voice_id is None else Q(id=voice_id)


def _found(found: Voice | None, reference: str) -> Voice:
    if found is None:
        raise VoiceNotFoundError(f"There is no voice {reference[:60]!r}; see /api/v1/voices.")
    return found


def spoken_voice(tenant_id: UUID, reference: str, *, draft: bool = False) -> SpokenVoice:
    """What a job needs of a voice; an unpublished voice is not found.

    A stock voice is remembered for a moment. A tenant's own is read each time: what is published,
    withdrawn or erased is seen at once by every process. With `draft` its draft goes first.
    """
    known = _voices.get((tenant_id, reference), lambda: _find_spoken(tenant_id, reference))
    while not isinstance(known, SpokenVoice):
        if (own := read_own_voice(known, draft=draft)) is not None:
            return own
        known = _find_spoken(tenant_id, reference)
    return known


def current_offers() -> tuple[Offered, ...]:
    """Every engine the ledger knows, awake or asleep."""
    return _offers.get("all", _read_offers)


def _read_offers() -> tuple[Offered, ...]:
    return tuple(
        Offered(offer.engine, offer.queue, offer.capabilities, asleep=offer.asleep)
        for offer in engine_offers()
    )


def _find_spoken(tenant_id: UUID, reference: str) -> SpokenVoice | UUID:
    voice = find_voice(tenant_id, reference)
    return _read_stock(voice) if voice.tenant_id is None else voice.id


def _read_stock(voice: Voice) -> SpokenVoice:
    revision = (
        voice.revisions.filter(state=Revision.State.PUBLISHED).prefetch_related("bindings").first()
    )
    if revision is None:
        raise VoiceNotFoundError(f"The voice {voice.slug!r} has nothing published yet.")
    return SpokenVoice(
        id=voice.id,
        slug=voice.slug,
        language=voice.language,
        commercial=voice.commercial,
        revision_id=str(revision.id),
        bindings=_bounds(revision),
        defaults=dict(revision.settings),
    )


def _bounds(revision: Revision) -> tuple[Bound, ...]:
    return tuple(
        Bound(binding.engine, binding.model, binding.speaker, binding.substitute)
        for binding in revision.bindings.all()
    )


def as_uuid(reference: str) -> UUID | None:
    try:
        return uuid.UUID(reference)
    except ValueError:
        return None


def engines_of_voice(voice: Voice, offers: Sequence[Offered]) -> list[dict[str, Any]]:
    """How a voice can be spoken now: engine, whether it is installed, whether it sleeps."""
    known = offers_by_engine(offers)
    published = [r for r in voice.revisions.all() if r.state == Revision.State.PUBLISHED]
    return [
        {
            "engine": binding.engine,
            "substitute": binding.substitute,
            "installed": binding.engine in known and _has(known[binding.engine], binding),
            "awake": binding.engine in known and not known[binding.engine].asleep,
        }
        for revision in published
        for binding in revision.bindings.all()
    ]


def _has(offer: Offered, binding: Binding) -> bool:
    trained = brings_its_model(binding.artifact_id is not None, offer)
    return trained or offer.model(binding.model) is not None
