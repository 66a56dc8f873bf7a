"""Voices, links and usage as the API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from tenants.problems import describe
from voices.dials import numbers
from voices.models import Revision, Status
from voices.owning.selectors import making_of
from voices.selectors import engines_of_voice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from voices.bulk import Batch, Line
    from voices.models import Voice
    from voices.routing import Offered


class VoiceEngine(serializers.Serializer[Any]):
    engine = serializers.CharField()
    substitute = serializers.BooleanField()
    installed = serializers.BooleanField()
    awake = serializers.BooleanField()


class VoiceDetail(serializers.Serializer[Any]):
    """A voice, and which engines can speak it now."""

    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    language = serializers.CharField()
    gender = serializers.CharField(allow_blank=True)
    description = serializers.CharField(allow_blank=True)
    licence = serializers.CharField(allow_blank=True)
    commercial = serializers.BooleanField()
    stock = serializers.BooleanField()
    active = serializers.BooleanField(help_text="Where it is not, nothing is spoken with it.")
    status = serializers.ChoiceField(choices=Status.values)
    trouble = serializers.CharField(allow_blank=True, help_text="Why it failed, or cannot speak.")
    progress = serializers.FloatField(allow_null=True, help_text="Of the job that makes it.")
    job_id = serializers.UUIDField(allow_null=True, help_text="The job that makes, or made, it.")
    draft = serializers.BooleanField(help_text="There are settings that are not published yet.")
    revision = serializers.UUIDField(allow_null=True)
    settings = serializers.DictField(child=serializers.FloatField())
    engines = VoiceEngine(many=True)


class LinkDetail(serializers.Serializer[Any]):
    url = serializers.CharField()
    expires_at = serializers.DateTimeField()


class UsageRow(serializers.Serializer[Any]):
    day = serializers.DateField()
    provider = serializers.CharField()
    jobs = serializers.IntegerField()
    cached_jobs = serializers.IntegerField()
    characters = serializers.IntegerField()
    audio_seconds = serializers.FloatField()
    cost_usd = serializers.CharField()


class UsageReport(serializers.Serializer[Any]):
    since = serializers.DateField()
    until = serializers.DateField()
    rows = UsageRow(many=True)


def present_voice(voice: Voice, offers: Sequence[Offered]) -> dict[str, Any]:
    """The fields of VoiceDetail."""
    revisions = {revision.state: revision for revision in voice.revisions.all()}
    published = revisions.get(Revision.State.PUBLISHED)
    making = making_of(voice)
    return {
        "id": str(voice.id),
        "slug": voice.slug,
        "name": voice.name,
        "language": voice.language,
        "gender": voice.gender,
        "description": voice.description,
        "licence": voice.licence,
        "commercial": voice.commercial,
        "stock": voice.tenant_id is None,
        "active": voice.active,
        "status": voice.status,
        "trouble": voice.trouble,
        "progress": making and making.progress,
        "job_id": making and str(making.job_id),
        "draft": Revision.State.DRAFT in revisions,
        "revision": published and str(published.id),
        "settings": numbers(published.settings) if published else {},
        "engines": engines_of_voice(voice, offers),
    }


def present_usage(since: datetime, until: datetime, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The fields of UsageReport."""
    return {
        "since": since.date().isoformat(),
        "until": until.date().isoformat(),
        "rows": [
            {
                "day": row["at__date"].isoformat(),
                "provider": row["provider"],
                "jobs": row["jobs"],
                "cached_jobs": row["cached_jobs"],
                "characters": row["characters"],
                "audio_seconds": round(row["audio_seconds"], 3),
                "cost_usd": f"{row['cost_usd']:.6f}",
            }
            for row in rows
        ],
    }


def present_batch(batch: Batch) -> dict[str, Any]:
    """The fields of BulkAnswer: each item's job, or the problem it would have had alone."""
    return {
        "batch_id": str(batch.id),
        "accepted": sum(line.submitted is not None for line in batch.lines),
        "items": [_present_line(line) for line in batch.lines],
    }


def _present_line(line: Line) -> dict[str, Any]:
    if line.submitted is None:
        described = line.error and describe(line.error)
        return {"index": line.index, "error": described and described[0]}
    return {"index": line.index, "id": str(line.submitted.id), "done": line.submitted.done}
