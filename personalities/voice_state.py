"""How a personality's voice stands: its provider, settings, samples, and what it said lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from jobs.selectors import usage_of_personality
from voices.models import Revision, Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from personalities.models import Personality
    from voices.models import Voice

STATS_DAYS = 30


@dataclass(frozen=True, slots=True)
class VoiceState:
    provider: str | None
    settings: dict[str, float]
    samples: Sequence[Sample]
    stats: dict[str, Any]


def voice_state(personality: Personality) -> VoiceState:
    """A stock voice's samples are nobody's to see; it has none."""
    voice = personality.voice
    revision = _published(voice) if voice else None
    binding = revision.bindings.order_by("substitute", "id").first() if revision else None
    return VoiceState(
        provider=binding.engine if binding else None,
        settings=dict(revision.settings) if revision else {},
        samples=_samples(personality),
        stats=_stats(personality),
    )


def _published(voice: Voice) -> Revision | None:
    return voice.revisions.filter(state=Revision.State.PUBLISHED).first()


def _samples(personality: Personality) -> list[Sample]:
    return list(
        Sample.objects.filter(voice=personality.voice_id, tenant_id=personality.tenant_id)
        if personality.voice_id
        else ()
    )


def _stats(personality: Personality) -> dict[str, Any]:
    since = timezone.now() - timedelta(days=STATS_DAYS)
    used = usage_of_personality(personality.tenant_id, str(personality.id), since=since)
    jobs, latency = used["jobs"], used["latency"]
    return {
        "days": STATS_DAYS,
        "total_generations": jobs,
        "total_seconds": round(used["audio_seconds"], 3),
        "average_latency_ms": latency and round(latency.total_seconds() * 1000, 1),
        "cache_hit_rate": round(used["cached_jobs"] / jobs, 4) if jobs else None,
    }
