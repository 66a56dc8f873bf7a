"""Consents: given for recordings, and withdrawn, which stops the voice at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Now

from voices.models import Consent, Status
from voices.owning.checkpoints import drop_checkpoints
from voices.owning.consent_texts import consent_texts
from voices.owning.describing import hold, note, save
from voices.owning.drafting import take_back_fallen
from voices.owning.errors import (
    ConsentNotFoundError,
    ConsentTextUnknownError,
    SamplesMissingError,
    SampleUnusableError,
)
from voices.owning.publishing import speaks
from voices.owning.stopping import WITHDRAWN, stop_jobs
from voices.renders import forget_renders_of
from voices.samples.selectors import owner_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from tenants.audit import Actor
    from voices.models import Sample, Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Who agreed to which words, for which samples; None is all that can be used."""

    speaker: str
    text_version: str
    samples: Sequence[UUID] | None = None
    recording: UUID | None = None


@transaction.atomic
def give_consent(*, voice: Voice, actor: Actor, agreement: Agreement) -> Consent:
    if agreement.text_version not in {text.version for text in consent_texts()}:
        raise ConsentTextUnknownError
    held = hold(voice)
    covered = usable_samples(held, agreement.samples)
    consent = Consent.objects.create(
        tenant_id=owner_of(held),
        voice=held,
        speaker=agreement.speaker,
        text_version=agreement.text_version,
        recorded_by=actor.name,
        samples=[sample.sha256 for sample in covered],
        recording=_recording(held, agreement.recording),
    )
    consent.refresh_from_db()
    _note(actor, "consent.given", consent)
    return consent


def usable_samples(voice: Voice, named: Sequence[UUID] | None) -> list[Sample]:
    """Those named, each of which must be usable; or all that are."""
    usable = {sample.id: sample for sample in voice.samples.all() if sample.usable}
    if named is None:
        found = list(usable.values())
    elif set(named) <= usable.keys():
        found = [usable[sample_id] for sample_id in dict.fromkeys(named)]
    else:
        raise SampleUnusableError
    if not found:
        raise SamplesMissingError
    return found


def _recording(voice: Voice, sample_id: UUID | None) -> Sample | None:
    if sample_id is None:
        return None
    found = voice.samples.filter(id=sample_id).first()
    if found is None:
        raise SampleUnusableError
    return found


def find_consent(voice: Voice, consent_id: UUID) -> Consent:
    consent = voice.consents.filter(id=consent_id).first()
    if consent is None:
        raise ConsentNotFoundError
    return consent


def withdraw_consent(*, consent: Consent, actor: Actor) -> Consent:
    """Once this returns nothing speaks that was made under it. Nothing happens a second time.

    The mark stops new jobs and finishes alike; then the jobs under way are ended, without holding
    the voice, whose row the end of a clone changes too.
    """
    withdrawn = _mark(consent, actor)
    stop_jobs(withdrawn.voice, *WITHDRAWN, consent=withdrawn)
    drop_checkpoints(withdrawn.makings.values_list("job_id", flat=True))
    _settle(withdrawn.voice)
    return withdrawn


@transaction.atomic
def _mark(consent: Consent, actor: Actor) -> Consent:
    voice = hold(consent.voice)
    mine = Consent.objects.filter(id=consent.id)
    fresh = mine.filter(withdrawn_at=None)
    if fresh.update(withdrawn_at=Now(), withdrawn_by=actor.name):
        save(voice)
        take_back_fallen(voice)
        forget_renders_of(voice.id)
        _note(actor, "consent.withdrawn", consent)
    return mine.select_related("voice").get()


@transaction.atomic
def _settle(voice: Voice) -> None:
    held = hold(voice)
    if held.status == Status.READY and not speaks(held):
        held.status, held.trouble = Status.FAILED, WITHDRAWN[1]
        held.save(update_fields=["status", "trouble"])


def _note(actor: Actor, action: str, consent: Consent) -> None:
    """Dates and hashes: who the speaker is stays out of a book that nobody can erase."""
    note(
        actor,
        action,
        consent.voice,
        consent=str(consent.id),
        text_version=consent.text_version,
        samples=consent.samples,
    )
