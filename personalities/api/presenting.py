"""Personalities, their prompts and voices as the API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from jobs.api.presenting import moment
from personalities.api.bodies import ResponseStyleBody, TraitsBody
from personalities.exchange import describe_personality
from personalities.own_voice import Mode, mode_of
from voices.api.sample_bodies import UploadAnswer
from voices.models import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from personalities.models import Personality
    from personalities.prompt import Prompt
    from personalities.voice_state import OwnVoice, VoiceState
    from voices.models import Sample, Voice
    from voices.samples.uploading import Received


class ChosenVoice(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    stock = serializers.BooleanField()


class ChosenFallback(serializers.Serializer[Any]):
    engine = serializers.CharField(allow_blank=True)
    voice = ChosenVoice(allow_null=True)


class PersonalityDetail(serializers.Serializer[Any]):
    """A personality. `version` is its ETag; `prompt_url` has the prompt made from it."""

    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    role = serializers.CharField(allow_blank=True)
    description = serializers.CharField(allow_blank=True)
    greeting = serializers.CharField(allow_blank=True)
    traits = TraitsBody()
    response_style = ResponseStyleBody()
    system_prompt = serializers.CharField(allow_blank=True)
    active = serializers.BooleanField()
    primary = serializers.BooleanField()
    voice = ChosenVoice(allow_null=True)
    fallback = ChosenFallback()
    version = serializers.IntegerField()
    prompt_url = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class PersonalityMade(PersonalityDetail):
    """What came out of a file, and what of it could not."""

    warnings = serializers.ListField(child=serializers.CharField())


class Successor(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.CharField()


class PersonalityGone(serializers.Serializer[Any]):
    """`primary` is who got the mark of a deleted primary; null where nobody did."""

    deleted = serializers.CharField()
    primary = Successor(allow_null=True)


class PromptPart(serializers.Serializer[Any]):
    name = serializers.ChoiceField(choices=["identity", "manner", "custom", "phrases", "emoji"])
    text = serializers.CharField()


class PromptDetail(serializers.Serializer[Any]):
    """What a language model is told; `system_prompt` is the parts, with empty lines between."""

    system_prompt = serializers.CharField()
    parts = PromptPart(many=True)


class VoiceSample(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    seconds = serializers.FloatField()
    state = serializers.CharField()
    audio_url = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()


class VoiceStats(serializers.Serializer[Any]):
    """Of the last `days`; rates and latencies are null where nothing was spoken."""

    days = serializers.IntegerField()
    total_generations = serializers.IntegerField()
    total_seconds = serializers.FloatField()
    average_latency_ms = serializers.FloatField(allow_null=True)
    cache_hit_rate = serializers.FloatField(allow_null=True)


class VoiceFallback(serializers.Serializer[Any]):
    provider = serializers.CharField(allow_null=True)
    voice_id = serializers.UUIDField(allow_null=True)
    voice_name = serializers.CharField(allow_null=True)


class OwnVoiceUploaded(UploadAnswer):
    """What became of each file, and the voice that they are samples of."""

    voice_id = serializers.UUIDField()
    voice_url = serializers.CharField()


class OwnVoiceDetail(serializers.Serializer[Any]):
    """The voice of its own, also while the personality speaks in another."""

    voice_id = serializers.UUIDField()
    voice_url = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.values)
    progress = serializers.FloatField(allow_null=True, help_text="Of the job that makes it.")
    settings = serializers.DictField(help_text="As they are edited; jobs get what is published.")
    draft = serializers.BooleanField(help_text="They are not published yet.")


class VoiceConfiguration(serializers.Serializer[Any]):
    """How a personality sounds. `mode` is `custom` for a voice of the tenant's own.

    `custom` and `samples` are of the voice that it has of its own, whatever the mode.
    """

    provider = serializers.CharField(allow_null=True)
    mode = serializers.ChoiceField(choices=list(Mode))
    voice_id = serializers.UUIDField(allow_null=True)
    voice_name = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=Status.values)
    created_at = serializers.DateTimeField(allow_null=True)
    samples = VoiceSample(many=True)
    settings = serializers.DictField(child=serializers.FloatField())
    custom = OwnVoiceDetail(allow_null=True)
    fallback = VoiceFallback()
    stats = VoiceStats()


def present_personality(personality: Personality) -> dict[str, Any]:
    """The fields of PersonalityDetail."""
    return {
        "id": str(personality.id),
        "slug": personality.slug,
        **describe_personality(personality),
        "active": personality.active,
        "primary": personality.primary,
        "voice": _chosen(personality.voice),
        "fallback": {
            "engine": personality.fallback_engine,
            "voice": _chosen(personality.fallback_voice),
        },
        "version": personality.version,
        "prompt_url": f"{address_of(personality)}/prompt",
        "created_at": moment(personality.created_at),
        "updated_at": moment(personality.updated_at),
    }


def address_of(personality: Personality) -> str:
    return f"/api/v1/personalities/{personality.id}"


def present_prompt(prompt: Prompt) -> dict[str, Any]:
    """The fields of PromptDetail."""
    parts = [{"name": part.name, "text": part.text} for part in prompt.parts]
    return {"system_prompt": prompt.text, "parts": parts}


def present_configuration(personality: Personality, state: VoiceState) -> dict[str, Any]:
    """The fields of VoiceConfiguration."""
    voice, other = personality.voice, personality.fallback_voice
    return {
        "provider": state.provider,
        "mode": mode_of(personality).value,
        "voice_id": voice and str(voice.id),
        "voice_name": voice and voice.name,
        "status": voice.status if voice else Status.NONE.value,
        "created_at": moment(voice.created_at) if voice else None,
        "samples": [_sample(sample) for sample in state.samples],
        "settings": state.settings,
        "custom": _own(state.own) if state.own else None,
        "fallback": {
            "provider": personality.fallback_engine or None,
            "voice_id": other and str(other.id),
            "voice_name": other and other.name,
        },
        "stats": state.stats,
    }


def _chosen(voice: Voice | None) -> dict[str, Any] | None:
    if voice is None:
        return None
    stock = voice.tenant_id is None
    return {"id": str(voice.id), "slug": voice.slug, "name": voice.name, "stock": stock}


def present_voice_of(received: Sequence[Received]) -> dict[str, Any]:
    """What OwnVoiceUploaded has besides the files; nothing where none of them was taken."""
    voice = next((one.sample.voice for one in received if one.sample), None)
    return _pointer(voice) if voice else {}


def _pointer(voice: Voice) -> dict[str, Any]:
    return {"voice_id": str(voice.id), "voice_url": f"/api/v1/voices/{voice.id}"}


def _own(own: OwnVoice) -> dict[str, Any]:
    return {
        **_pointer(own.voice),
        "status": own.voice.status,
        "progress": own.progress,
        "settings": own.settings,
        "draft": own.draft,
    }


def _sample(sample: Sample) -> dict[str, Any]:
    place = f"/api/v1/voices/{sample.voice_id}/samples/{sample.id}"
    return {
        "id": str(sample.id),
        "name": sample.name,
        "seconds": round(sample.seconds, 3),
        "state": sample.state,
        "audio_url": f"{place}/audio" if sample.sha256 else None,
        "created_at": moment(sample.created_at),
    }
