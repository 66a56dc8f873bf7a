"""From a request to a job: checked, normalised, routed, its renders named; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings

from jobs.services.accept import NewJob, Step
from jobs.webhooks.guard import read_url
from voices import keys
from voices.errors import LicenceForbidsError, NoEngineError, SpeechNotAllowedError
from voices.routing import Refusal, Route, Way, Wish, find_route
from voices.selectors import current_offers, spoken_voice
from voices.text import check_text, normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenants.callers import Caller
    from voices.owning.speaking import SpokenVoice
    from voices.requests import SynthesisRequest


@dataclass(frozen=True, slots=True)
class Speech:
    """What is to be said, as it will be said."""

    voice: SpokenVoice
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that can be spoken: its job, and the render keys of its steps, in order."""

    job: NewJob
    keys: tuple[str, ...]
    request: SynthesisRequest


def prepare_synthesis(
    caller: Caller, request: SynthesisRequest, *, draft: bool = False, **named: Any
) -> Prepared:
    """The job to be accepted; `named` are fields of it that the request does not decide.

    With `draft` a voice of the tenant's own speaks as its draft does.
    """
    if not caller.speaks:
        raise SpeechNotAllowedError
    check_text(request.text, settings.MAX_TEXT)
    if request.webhook_url is not None:
        read_url(request.webhook_url, settings.WEBHOOK_ALLOWED_NETWORKS)
    voice = spoken_voice(caller.tenant_id, request.voice or settings.DEFAULT_VOICE, draft=draft)
    _check_licence(caller, voice)
    language = request.language or voice.language
    speech = Speech(voice, language, normalise(request.text, language))
    route = _find_route(caller, request, speech)
    seed = keys.fresh_seed() if _fresh(request) else request.seed
    found = tuple(_key(caller, speech, way, seed) for way in route.ways)
    plan = [_step(request, way, key, seed) for way, key in zip(route.ways, found, strict=True)]
    named |= {"cost": route.ways[0].cost, "trail": _why(route.refusals)}
    return Prepared(_job(caller, request, speech, plan=plan, **named), found, request)


def _check_licence(caller: Caller, voice: SpokenVoice) -> None:
    if caller.commercial and not voice.commercial:
        raise LicenceForbidsError(
            f"The licence of {voice.slug} forbids commercial use, and this tenant's use is"
            " commercial; choose another voice (see `commercial` in /api/v1/voices)."
        )


def _find_route(caller: Caller, request: SynthesisRequest, speech: Speech) -> Route:
    wish = Wish(
        language=speech.language,
        characters=len(speech.text),
        dials=request.settings,
        defaults=speech.voice.defaults,
        settings=speech.voice.settings,
        quality=request.quality,
        engine=request.engine,
        substitutes=request.substitute == "flag",
        commercial=caller.commercial,
    )
    route = find_route(speech.voice.bindings, current_offers(), wish)
    if not route.ways:
        raise NoEngineError(route.refusals)
    return route


def _fresh(request: SynthesisRequest) -> bool:
    return request.cache == "bypass" and request.seed is None


def _key(caller: Caller, speech: Speech, way: Way, seed: int | None) -> str:
    return keys.render_key(
        tenant_id=caller.tenant_id,
        text=speech.text,
        language=speech.language,
        revision=speech.voice.revision_id,
        way=way,
        seed=seed,
    )


def _step(request: SynthesisRequest, way: Way, key: str, seed: int | None) -> Step:
    binding = {
        "model": way.model,
        "speaker": way.speaker,
        "dials": dict(way.dials),
        "substitute": way.substitute or request.stand_in,
        "render": key,
        "seed": keys.seed_of(key, seed),
    }
    cloned = {"artifact": way.artifact} if way.artifact else {}
    return Step(way.engine, way.queue, binding | cloned)


def _job(caller: Caller, request: SynthesisRequest, speech: Speech, **named: Any) -> NewJob:
    pinned = {
        "voice": speech.voice.slug,
        "revision": speech.voice.revision_id,
        "language": speech.language,
        "spoken": speech.text,
    }
    if speech.voice.own:
        pinned["own_voice"] = str(speech.voice.id)
    return NewJob(
        tenant_id=caller.tenant_id,
        kind="synthesize",
        request=request.as_json() | pinned,
        priority=request.priority,
        expires_after=request.deadline_seconds,
        personality_id=request.personality_id,
        **named,
    )


def _why(refusals: Sequence[Refusal]) -> list[dict[str, Any]]:
    """Why engines of this voice are not in the plan: the trail begins with it."""
    return [{"attempt": 0} | refusal.as_json() for refusal in refusals]
