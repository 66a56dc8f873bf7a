"""Reading voices and what can speak them; what every submit needs is remembered for a moment."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from jobs.remembered import Remembered
from jobs.selectors import engine_offers
from voices.errors import VoiceNotFoundError
from voices.models import Revision, Voice
from voices.routing import Bound, Offered, offers_by_engine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from django.db.models import QuerySet


@dataclass(frozen=True, slots=True)
class SpokenVoice:
    """A voice as a job pins it: its published revision, settings and bindings."""

    id: UUID
    slug: str
    language: str
    commercial: bool
    revision_id: str
    settings: dict[str, float]
    bindings: tuple[Bound, ...]


_voices: Remembered[SpokenVoice] = Remembered()
_offers: Remembered[tuple[Offered, ...]] = Remembered()


def forget_remembered() -> None:
    """See changes of this process at once."""
    _voices.forget()
    _offers.forget()


def visible_voices(tenant_id: UUID) -> QuerySet[Voice]:
    """The stock voices and the tenant's own."""
    return Voice.objects.filter(Q(tenant=None) | Q(tenant_id=tenant_id), active=True)


def find_voice(tenant_id: UUID, reference: str) -> Voice:
    """By id or slug; a tenant's own voice goes before a stock voice of the same slug."""
    named = Q(slug=reference)
    if (voice_id := _as_uuid(reference)) is not None:
        named |= Q(id=voice_id)
    found = visible_voices(tenant_id).filter(named).order_by("tenant_id").first()
    if found is None:
        raise VoiceNotFoundError(f"There is no voice {reference[:60]!r}; see /api/v1/voices.")
    return found


def spoken_voice(tenant_id: UUID, reference: str) -> SpokenVoice:
    """What a job needs of a voice; an unpublished voice is not found."""
    return _voices.get((tenant_id, reference), lambda: _read_voice(tenant_id, reference))


def current_offers() -> tuple[Offered, ...]:
    """Every engine the ledger knows, awake or asleep."""
    return _offers.get("all", _read_offers)


def _read_offers() -> tuple[Offered, ...]:
    return tuple(
        Offered(offer.engine, offer.queue, offer.capabilities, asleep=offer.asleep)
        for offer in engine_offers()
    )


def _read_voice(tenant_id: UUID, reference: str) -> SpokenVoice:
    voice = find_voice(tenant_id, reference)
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
        settings=dict(revision.settings),
        bindings=_bounds(revision),
    )


def _bounds(revision: Revision) -> tuple[Bound, ...]:
    return tuple(
        Bound(binding.engine, binding.model, binding.speaker, binding.substitute)
        for binding in revision.bindings.all()
    )


def _as_uuid(reference: str) -> UUID | None:
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
            "installed": binding.engine in known
            and known[binding.engine].model(binding.model) is not None,
            "awake": binding.engine in known and not known[binding.engine].asleep,
        }
        for revision in published
        for binding in revision.bindings.all()
    ]
