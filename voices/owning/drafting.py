"""Drafts: the settings that somebody turns before jobs get them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Max

from jobs.models import Job
from voices import dials
from voices.models import Binding, Revision, Status
from voices.owning.describing import hold, note, save
from voices.owning.errors import SettingsRefusedError
from voices.owning.publishing import fallen
from voices.routing import Refusal, offers_by_engine, refuse_dials
from voices.selectors import current_offers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from django.db.models import QuerySet

    from tenants.audit import Actor
    from voices.models import Making, Voice
    from voices.routing import Offered

DRAFT, PUBLISHED = Revision.State.DRAFT, Revision.State.PUBLISHED


def edited(voice: Voice) -> Revision | None:
    """What an editor sees: the draft, else what is published; None before anything was made."""
    shown = voice.revisions.filter(state__in=[DRAFT, PUBLISHED])
    return shown.order_by("state").prefetch_related("bindings").first()


def draft_of(voice: Voice) -> Revision:
    """The draft, made from what is published where there is none. The voice is held."""
    current = edited(voice)
    if current is not None and current.state == DRAFT:
        return current
    last = voice.revisions.aggregate(Max("number"))["number__max"] or 0
    draft = Revision.objects.create(
        voice=voice, number=last + 1, settings=current.settings if current else {}
    )
    Binding.objects.bulk_create(_copy(binding, draft) for binding in _bindings(current))
    fallen(draft).delete()  # it does not come along
    return draft


def take_back_fallen(voice: Voice) -> None:
    """What fell in the draft is as it is published again, or gone: nobody could publish it.

    The voice is held.
    """
    if (draft := voice.revisions.filter(state=DRAFT).first()) is None:
        return
    lost = set(fallen(draft).values_list("engine", flat=True))
    fallen(draft).delete()
    published = Binding.objects.filter(revision__voice=voice, revision__state=PUBLISHED)
    Binding.objects.bulk_create(_copy(one, draft) for one in published.filter(engine__in=lost))
    fallen(draft).delete()  # of these too


def _bindings(revision: Revision | None) -> Iterable[Binding]:
    return revision.bindings.all() if revision else ()


def _copy(binding: Binding, draft: Revision) -> Binding:
    return Binding(
        revision=draft,
        engine=binding.engine,
        model=binding.model,
        speaker=binding.speaker,
        artifact_id=binding.artifact_id,
        substitute=binding.substitute,
    )


@transaction.atomic
def change_settings(
    *, voice: Voice, actor: Actor, expected: int | None, settings: Mapping[str, Any]
) -> Voice:
    """The draft gets these settings; those not named go back to their defaults."""
    held = hold(voice, expected)
    wanted = dials.kept(settings)
    current = edited(held)
    _check(wanted, _speakers(held, current))
    if wanted != (current.settings if current else {}):
        draft = draft_of(held)
        Revision.objects.filter(id=draft.id).update(settings=wanted)
        save(held)
        note(actor, "voice.settings_changed", held, revision=draft.number, settings=wanted)
    return held


def check_speaker(voice: Voice, engine: str) -> None:
    """Raise where this engine would come to speak settings that nobody can express then."""
    current = edited(voice)
    if current is not None:
        _check(current.settings, _speakers(voice, current) | {engine})


def _speakers(voice: Voice, revision: Revision | None) -> set[str]:
    """Who speaks it, but for what nobody may hear any more; and who is being taught to."""
    engines = {binding.engine for binding in _bindings(revision)}
    if revision is not None:
        engines -= set(fallen(revision).values_list("engine", flat=True))
    if voice.status == Status.TRAINING:
        engines.update(under_way(voice).values_list("engine", flat=True))
    return engines


def under_way(voice: Voice) -> QuerySet[Making]:
    """Who makes it just now: each engine has a job of its own."""
    live = Job.objects.filter(ended_at=None)
    return voice.makings.filter(job_id__in=live.values("id"))


def _check(settings: Mapping[str, Any], speakers: Collection[str]) -> None:
    """Raise where none of the engines can express them, or an advanced one is not as it has it."""
    known = offers_by_engine(current_offers())
    engines = set(speakers) or _made_here(known)
    strangers = [_stranger(name) for name in settings.get(dials.ADVANCED, {}).keys() - engines]
    refusals = {engine: _refuse(engine, known.get(engine), settings) for engine in engines}
    refused = [refusal for refusal in refusals.values() if refusal]
    named = [one for one in refused if one.engine in settings.get(dials.ADVANCED, {})]
    if strangers or named or (engines and len(refused) == len(engines)):
        raise SettingsRefusedError(strangers or named or refused)


def _made_here(known: Mapping[str, Offered]) -> set[str]:
    """Who may come to speak a voice that nobody speaks yet."""
    cloning = {engine for engine, offer in known.items() if offer.capabilities.get("clones")}
    trained = {str(offer.capabilities.get("trains", "")) for offer in known.values()}
    return cloning | (trained & known.keys())


def _stranger(engine: str) -> Refusal:
    return Refusal(engine, "setting_unsupported", f"{engine} does not speak this voice.")


def _refuse(engine: str, offer: Offered | None, settings: Mapping[str, Any]) -> Refusal | None:
    turned = dials.turned(settings, engine, offer.capabilities["dials"] if offer else ())
    if not turned:
        return None
    if offer is None:
        return Refusal(engine, "engine_unknown", f"No worker with {engine} was ever seen here.")
    return refuse_dials(engine, offer, turned)
