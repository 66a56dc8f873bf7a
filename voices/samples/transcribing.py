"""What is said in a sample: taken, checked and kept as its owner uploaded it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from tenants import audit
from voices.models import Sample
from voices.owning.describing import hold
from voices.samples.errors import SampleNotFoundError
from voices.transcripts import ONE_CLIP, TranscriptError, parse

if TYPE_CHECKING:
    from tenants.audit import Actor
    from voices.transcripts import Line


@dataclass(frozen=True, slots=True)
class Transcript:
    """A file's format (srt, vtt, csv or txt) and its text."""

    format: str
    text: str

    @property
    def lines(self) -> list[Line]:
        return parse(self.text, self.format)


@transaction.atomic
def transcribe(*, sample: Sample, actor: Actor, told: Transcript | None) -> Sample:
    """None takes back what was said of it. It raises where nobody can read it."""
    if told is not None:
        _check(told, sample)
    hold(sample.voice)
    kept = told and {"format": told.format, "text": told.text}
    if not Sample.objects.filter(id=sample.id).update(transcript=kept):
        raise SampleNotFoundError
    sample.transcript = kept
    action = "sample.transcribed" if told else "sample.transcript_removed"
    audit.record(
        actor,
        action,
        tenant_id=sample.tenant_id,
        kind="sample",
        object_id=sample.id,
        voice=str(sample.voice_id),
    )
    return sample


def _check(told: Transcript, sample: Sample) -> None:
    """Now, so that a person is told now."""
    if any(line.is_of(sample.name) for line in told.lines):
        return
    raise TranscriptError(
        f"All its lines are of other files than {sample.name}: name that one in the first column,"
        " or leave the column empty.",
        code="transcript_file_unknown",
    )


def transcript_of(sample: Sample) -> Transcript | None:
    return Transcript(**sample.transcript) if sample.transcript else None


def carries_its_cut(sample: Sample) -> bool:
    """Whether its words are known, and where each is said."""
    told = transcript_of(sample)
    lines = [line for line in told.lines if line.is_of(sample.name)] if told else []
    if not lines:
        return False
    return sample.seconds <= ONE_CLIP or all(line.start is not None for line in lines)
