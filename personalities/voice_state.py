"""How a personality's voice stands: its provider, settings, samples, and what it said lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from jobs.selectors import usage_of_personality
from personalities.own_voice import own_voice_of
from voices.dials import numbers, shown
from voices.models import Revision
from voices.owning.drafting import edited
from voices.owning.selectors import making_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from personalities.models import Personality
    from voices.models import Sample, Voice

STATS_DAYS = 30


@dataclass(frozen=True, slots=True)
class OwnVoice:
    """The voice that a personality has of its own: how far it is, and how its draft is tuned."""

    voice: Voice
    progress: float | None
    settings: dict[str, Any]
    draft: bool


@dataclass(frozen=True, slots=True)
class VoiceState:
    provider: str | None
    settings: dict[str, float]
    samples: Sequence[Sample]
    own: OwnVoice | None
    stats: dict[str, Any]


def voice_state(personality: Personality) -> VoiceState:
    """Samples are those of its own voice: a stock voice's are nobody's to see; it has none."""
    voice, own = personality.voice, own_voice_of(personality)
    revision = _published(voice) if voice else None
    binding = revision.bindings.order_by("substitute", "id").first() if revision else None
    return VoiceState(
        provider=binding.engine if binding else None,
        settings=numbers(revision.settings) if revision else {},
        samples=list(own.samples.all()) if own else [],
        own=_state_of(own) if own else None,
        stats=_stats(personality),
    )


def _published(voice: Voice) -> Revision | None:
    return voice.revisions.filter(state=Revision.State.PUBLISHED).first()


def _state_of(voice: Voice) -> OwnVoice:
    making, revision = making_of(voice), edited(voice)
    return OwnVoice(
        voice=voice,
        progress=making.progress if making else None,
        settings=shown(revision.settings if revision else {}),
        draft=revision is not None and revision.state == Revision.State.DRAFT,
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
