"""Keeping the stock voices in the database as the catalogue describes them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Max, Prefetch

from voices.catalogue import StockBinding, stock_voices
from voices.models import Binding, Revision, Voice

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from voices.catalogue import StockVoice

DESCRIBED = ("name", "language", "gender", "description", "licence", "commercial")


def load_stock_voices() -> list[str]:
    """Create what is missing, follow what changed, and say which voices that were.

    A changed sound is a new published revision; the old one is retired, never altered. Whether a
    voice is active stays the operator's choice. Tenants' voices, and stock voices that the
    catalogue no longer has, stay as they are. Safe at every start, and from several at once.
    """
    known = {voice.slug: voice for voice in _stock_rows()}
    outdated = [entry for entry in stock_voices() if not _follows(known.get(entry.slug), entry)]
    for entry in outdated:
        _bring_up_to_date(entry)
    return [entry.slug for entry in outdated]


def _stock_rows() -> QuerySet[Voice]:
    published = Revision.objects.filter(state=Revision.State.PUBLISHED)
    return Voice.objects.filter(tenant=None).prefetch_related(
        Prefetch("revisions", published), "revisions__bindings"
    )


def _follows(voice: Voice | None, entry: StockVoice) -> bool:
    if voice is None:
        return False
    return _description(voice) == _description(entry) and _sounds(voice, entry)


def _description(subject: Voice | StockVoice) -> dict[str, Any]:
    return {name: getattr(subject, name) for name in DESCRIBED}


def _sounds(voice: Voice, entry: StockVoice) -> bool:
    """Whether its published revision, prefetched, is what the catalogue says."""
    return any(
        revision.settings == entry.settings and _bindings(revision) == set(entry.bindings)
        for revision in voice.revisions.all()
    )


def _bindings(revision: Revision) -> set[StockBinding]:
    return {
        StockBinding(binding.engine, binding.model, binding.speaker, binding.substitute)
        for binding in revision.bindings.all()
    }


@transaction.atomic
def _bring_up_to_date(entry: StockVoice) -> None:
    """Look again under the voice's lock: another process may have done it meanwhile."""
    Voice.objects.get_or_create(tenant=None, slug=entry.slug, defaults=_description(entry))
    voice = _stock_rows().select_for_update().get(slug=entry.slug)
    if _description(voice) != _description(entry):
        Voice.objects.filter(pk=voice.pk).update(**_description(entry))
    if not _sounds(voice, entry):
        _publish(voice, entry)


def _publish(voice: Voice, entry: StockVoice) -> None:
    revisions = Revision.objects.filter(voice=voice)
    revisions.filter(state=Revision.State.PUBLISHED).update(state=Revision.State.RETIRED)
    last = revisions.aggregate(Max("number"))["number__max"] or 0
    revision = Revision.objects.create(
        voice=voice,
        number=last + 1,
        state=Revision.State.PUBLISHED,
        settings=dict(entry.settings),
    )
    Binding.objects.bulk_create(
        Binding(revision=revision, **asdict(binding)) for binding in entry.bindings
    )
