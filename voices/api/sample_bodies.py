"""Samples and recording scripts as the API takes and shows them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from jobs.api.presenting import moment
from tenants.problems import describe
from voices.api.asking import KnownFields
from voices.models import Sample
from voices.samples.fitness import PURPOSES, suits
from voices.samples.script import LENGTHS
from voices.samples.selectors import usable_seconds
from voices.transcripts import FORMATS, MOST_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voices.routing import Offered
    from voices.samples.script import Script
    from voices.samples.uploading import Received


STATES = [state.value for state in Sample.State]
TRANSCRIPTS = list(FORMATS)


class UploadBody(serializers.Serializer[Any]):
    """One file or several; the field is repeated."""

    file = serializers.ListField(child=serializers.FileField(), min_length=1)


class DecisionBody(KnownFields):
    """What somebody who has listened decides."""

    use = serializers.BooleanField()


class TranscriptBody(KnownFields):
    """What is said in a recording, as a file has it."""

    format = serializers.ChoiceField(choices=TRANSCRIPTS)
    text = serializers.CharField(max_length=MOST_CHARACTERS, trim_whitespace=False)


class SampleReason(serializers.Serializer[Any]):
    """Something to know about the recording. Only what is `sure` rejects it."""

    code = serializers.CharField()
    message = serializers.CharField()
    tip = serializers.CharField()
    sure = serializers.BooleanField()


class SampleDetail(serializers.Serializer[Any]):
    """A recording, what was measured, and what to do about it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES)
    usable = serializers.BooleanField()
    approved = serializers.BooleanField(allow_null=True)
    seconds = serializers.FloatField()
    sha256 = serializers.CharField(allow_blank=True, help_text="Of the canonical WAV.")
    original_sha256 = serializers.CharField()
    original_bytes = serializers.IntegerField()
    original_kept = serializers.BooleanField()
    reasons = SampleReason(many=True)
    measures = serializers.DictField(allow_null=True)
    job_id = serializers.UUIDField(allow_null=True)
    job_url = serializers.CharField(allow_null=True)
    audio_url = serializers.CharField(allow_null=True)
    transcript = serializers.CharField(
        allow_null=True, help_text="The format of what says its words; null: nothing does."
    )
    created_at = serializers.DateTimeField()


class SampleWithPeaks(SampleDetail):
    """The same with its waveform: the lowest and highest value in each part, from -1 to 1."""

    peaks = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))


class SampleSuit(serializers.Serializer[Any]):
    """Whether an engine can make a voice from what can be used; `why` says what is missing."""

    engine = serializers.CharField()
    purpose = serializers.ChoiceField(choices=list(PURPOSES))
    ok = serializers.BooleanField()
    why = serializers.CharField(allow_blank=True)


class SampleList(serializers.Serializer[Any]):
    """A voice's samples, oldest first, and what they are enough for together."""

    samples = SampleDetail(many=True)
    usable_seconds = serializers.FloatField()
    suits = SampleSuit(many=True)


class UploadLine(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    name = serializers.CharField()
    fresh = serializers.BooleanField(help_text="It was not there before.")
    sample = SampleDetail(required=False)
    error = serializers.DictField(required=False)


class UploadAnswer(serializers.Serializer[Any]):
    """A line for each file: its sample, or why there is none."""

    accepted = serializers.IntegerField()
    files = UploadLine(many=True)


class ScriptLine(serializers.Serializer[Any]):
    text = serializers.CharField()
    seconds = serializers.FloatField()


class RecordingScript(serializers.Serializer[Any]):
    """What to read aloud, line by line, and how long that takes, about."""

    language = serializers.CharField()
    length = serializers.ChoiceField(choices=LENGTHS)
    seconds = serializers.FloatField()
    lines = ScriptLine(many=True)


def present_sample(sample: Sample) -> dict[str, Any]:
    """The fields of SampleDetail."""
    place = f"/api/v1/voices/{sample.voice_id}/samples/{sample.id}"
    return {
        "id": str(sample.id),
        "name": sample.name,
        "state": sample.state,
        "usable": sample.usable,
        "approved": sample.approved,
        "seconds": round(sample.seconds, 3),
        "sha256": sample.sha256,
        "original_sha256": sample.original,
        "original_bytes": sample.original_bytes,
        "original_kept": sample.original_kept,
        "reasons": sample.verdict.get("reasons", []),
        "measures": sample.verdict.get("measures"),
        "job_id": sample.job_id and str(sample.job_id),
        "job_url": sample.job_id and f"/api/v1/jobs/{sample.job_id}",
        "audio_url": f"{place}/audio" if sample.sha256 else None,
        "transcript": sample.transcript_format,
        "created_at": moment(sample.created_at),
    }


def present_with_peaks(sample: Sample) -> dict[str, Any]:
    return present_sample(sample) | {"peaks": sample.verdict.get("peaks", [])}


def present_samples(samples: Sequence[Sample], offers: Sequence[Offered]) -> dict[str, Any]:
    """The fields of SampleList."""
    seconds = usable_seconds(samples)
    return {
        "samples": [present_sample(sample) for sample in samples],
        "usable_seconds": round(seconds, 3),
        "suits": [asdict(suit) for suit in suits(offers, seconds)],
    }


def present_received(received: Sequence[Received]) -> dict[str, Any]:
    """The fields of UploadAnswer."""
    return {
        "accepted": sum(one.sample is not None for one in received),
        "files": [_line(index, one) for index, one in enumerate(received)],
    }


def _line(index: int, received: Received) -> dict[str, Any]:
    line = {"index": index, "name": received.name, "fresh": received.fresh}
    if received.sample is not None:
        return line | {"sample": present_sample(received.sample)}
    described = received.error and describe(received.error)
    return line | {"error": described and described[0]}


def present_script(script: Script) -> dict[str, Any]:
    """The fields of RecordingScript."""
    return {
        "language": script.language,
        "length": script.length,
        "seconds": script.seconds,
        "lines": [{"text": line.text, "seconds": line.seconds} for line in script.lines],
    }
