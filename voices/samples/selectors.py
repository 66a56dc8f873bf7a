"""Reading samples. A probe that ended without a verdict is noticed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models.fields.json import KT

from voices.audio import Audio
from voices.errors import VoiceNotFoundError
from voices.named import CANONICAL
from voices.requests import FORMATS
from voices.samples.errors import SampleNotFoundError, SampleNotReadyError
from voices.samples.probes import settle_probes
from voices.store import audio_name, safe_file_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from voices.models import Sample, Voice


def owner_of(voice: Voice) -> UUID:
    if voice.tenant_id is None:  # stock voices have no samples
        raise VoiceNotFoundError
    return voice.tenant_id


def samples_of(voice: Voice) -> list[Sample]:
    """The voice's samples, oldest first, each with the verdict that there is by now.

    What is said in them stays where it is: it may be a megabyte for each.
    """
    settle_probes(voice)
    known = {"transcript_format": KT("transcript__format")}  # it takes the property's place
    return list(voice.samples.defer("transcript").annotate(**known))


def find_sample(voice: Voice, sample_id: UUID) -> Sample:
    settle_probes(voice)
    found = voice.samples.filter(id=sample_id).first()
    if found is None:
        raise SampleNotFoundError
    return found


def audio_of_sample(sample: Sample) -> Audio:
    """The canonical WAV, for whoever wants to hear it."""
    if not sample.sha256:
        raise SampleNotReadyError
    return Audio(
        name=audio_name(sample.tenant_id, sample.sha256, CANONICAL),
        sha256=sample.sha256,
        size=sample.verdict["bytes"],
        media_type=FORMATS[CANONICAL],
        file_name=safe_file_name(sample.name.rpartition(".")[0] or sample.name, CANONICAL),
    )


def usable_seconds(samples: Iterable[Sample]) -> float:
    """How much there is to make a voice from."""
    return sum(sample.seconds for sample in samples if sample.usable)
