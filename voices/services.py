"""Submitting speech: checked, routed, looked up among what was said before, and accepted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction

from jobs.errors import AwaitedEndedError, IdempotencyConflictError
from jobs.pressure import check_pressure
from jobs.selectors import live_job_ids
from jobs.services.accept import Accepted, Made, NewJob, Step, find_made, submit_job
from jobs.services.hits import record_done_job
from jobs.states import Bond
from voices import keys, renders
from voices.errors import LicenceForbidsError, NoEngineError, SpeechNotAllowedError
from voices.results import charge_for, result_for
from voices.routing import Refusal, Route, Way, Wish, find_route
from voices.selectors import SpokenVoice, current_offers, spoken_voice
from voices.text import check_text, normalise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from tenants.callers import Caller
    from voices.requests import SynthesisRequest

ENCODER = "encoder"
ENCODE_COST = 0.1
LOOK_AGAIN = 3  # times an awaited job may end between our look and our insert


@dataclass(frozen=True, slots=True)
class Submitted:
    """The job, whether it was there before, and whether it is done already."""

    id: UUID
    replayed: bool = False
    done: bool = False


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


def submit_synthesis(
    caller: Caller,
    request: SynthesisRequest,
    *,
    idempotency_key: str | None = None,
    body_hash: str = "",
) -> Submitted:
    """Accept the request, once per idempotency key. What was said before is not said again."""
    if idempotency_key and (made := find_replay(caller, [idempotency_key], body_hash)):
        return Submitted(made[idempotency_key].job_id, replayed=True)
    prepared = prepare_synthesis(caller, request)
    check_pressure(tenant_id=caller.tenant_id, ceiling=caller.max_queued)
    job = replace(prepared.job, idempotency_key=idempotency_key, body_hash=body_hash)
    return accept_prepared(replace(prepared, job=job))


def find_replay(caller: Caller, own_keys: Sequence[str], body_hash: str) -> dict[str, Made]:
    """What these keys made before of the same body, whatever would be said of it now."""
    made = find_made(caller.tenant_id, own_keys)
    if any(before.body_hash != body_hash for before in made.values()):
        raise IdempotencyConflictError
    return made


def prepare_synthesis(caller: Caller, request: SynthesisRequest) -> Prepared:
    """Check, normalise and route; nothing is written."""
    if not caller.speaks:
        raise SpeechNotAllowedError
    check_text(request.text, settings.MAX_TEXT)
    voice = spoken_voice(caller.tenant_id, request.voice or settings.DEFAULT_VOICE)
    if caller.commercial and not voice.commercial:
        raise LicenceForbidsError(
            f"The licence of {voice.slug} forbids commercial use, and this tenant's use is"
            " commercial; choose another voice (see `commercial` in /api/v1/voices)."
        )
    language = request.language or voice.language
    speech = Speech(voice, language, normalise(request.text, language))
    route = _find_route(caller, request, speech)
    ways = route.ways
    seed = keys.fresh_seed() if _fresh(request) else request.seed
    found = tuple(_key(caller, speech, way, seed) for way in ways)
    plan = [_step(way, key, seed) for way, key in zip(ways, found, strict=True)]
    job = replace(
        _job(caller, request, speech, plan), cost=ways[0].cost, trail=_why(route.refusals)
    )
    return Prepared(job, found, request)


def _find_route(caller: Caller, request: SynthesisRequest, speech: Speech) -> Route:
    wish = Wish(
        language=speech.language,
        characters=len(speech.text),
        dials=request.settings,
        defaults=speech.voice.settings,
        quality=request.quality,
        engine=request.engine,
        substitutes=request.substitute == "flag",
        commercial=caller.commercial,
    )
    route = find_route(speech.voice.bindings, current_offers(), wish)
    if not route.ways:
        raise NoEngineError(route.refusals)
    return route


def _key(caller: Caller, speech: Speech, way: Way, seed: int | None) -> str:
    return keys.render_key(
        tenant_id=caller.tenant_id,
        text=speech.text,
        language=speech.language,
        revision=speech.voice.revision_id,
        way=way,
        seed=seed,
    )


def _why(refusals: Sequence[Refusal]) -> list[dict[str, Any]]:
    """Why engines of this voice are not in the plan: the trail begins with it."""
    return [{"attempt": 0} | refusal.as_json() for refusal in refusals]


def _job(caller: Caller, request: SynthesisRequest, speech: Speech, plan: list[Step]) -> NewJob:
    pinned = {
        "voice": speech.voice.slug,
        "revision": speech.voice.revision_id,
        "language": speech.language,
        "spoken": speech.text,
    }
    return NewJob(
        tenant_id=caller.tenant_id,
        kind="synthesize",
        plan=plan,
        request=request.as_json() | pinned,
        priority=request.priority,
        expires_after=request.deadline_seconds,
        personality_id=request.personality_id,
    )


def _fresh(request: SynthesisRequest) -> bool:
    return request.cache == "bypass" and request.seed is None


def _step(way: Way, key: str, seed: int | None) -> Step:
    return Step(
        way.engine,
        way.queue,
        {
            "model": way.model,
            "speaker": way.speaker,
            "dials": dict(way.dials),
            "substitute": way.substitute,
            "render": key,
            "seed": keys.seed_of(key, seed),
        },
    )


def accept_prepared(prepared: Prepared) -> Submitted:
    """Answer from what was said before, join whoever says it now, or have it said."""
    found = renders.find_renders(
        prepared.keys, prepared.request.format, prepared.request.sample_rate
    )
    ready = next((render for render in found if render.ready), None)
    if ready is None:
        return _accept_new(prepared)
    renders.note_use(ready)
    if ready.file is None:
        return _accept_encoding(prepared, ready)
    return _accept_hit(prepared, ready, ready.file)


def _accept_hit(prepared: Prepared, render: renders.FoundRender, file: renders.File) -> Submitted:
    job = prepared.job
    step = prepared.keys.index(render.key)
    result = result_for(job.request, job.plan[step].as_json(), render, file, cached=True)
    accepted = record_done_job(
        job, result=result, charge=charge_for(job.request, render, cached=True)
    )
    return Submitted(accepted.id, accepted.replayed, done=True)


def _accept_encoding(prepared: Prepared, render: renders.FoundRender) -> Submitted:
    """It was said before, and only lacks this container: no engine is needed."""
    binding = prepared.job.plan[prepared.keys.index(render.key)].binding
    step = Step(ENCODER, "media", binding)
    job = replace(prepared.job, plan=[step, *prepared.job.plan], cost=ENCODE_COST)
    return submitted(submit_job(job))


def _accept_new(prepared: Prepared) -> Submitted:
    for _ in range(LOOK_AGAIN):
        try:
            return _reserve_and_accept(prepared)
        except AwaitedEndedError:
            continue
    return submitted(submit_job(prepared.job))


@transaction.atomic
def _reserve_and_accept(prepared: Prepared) -> Submitted:
    job, key = prepared.job, prepared.keys[0]
    maker, ready = renders.reserve_render(key, job.tenant_id, job.id)
    if maker not in {job.id, None} and not ready:
        job = _join(job, key, maker)
    accepted = submit_job(job)
    if accepted.replayed:
        transaction.set_rollback(True)
    return submitted(accepted)


def _join(job: NewJob, key: str, maker: UUID) -> NewJob:
    """Wait on the job that makes this render; where it has ended without one, make it ourselves."""
    if maker in live_job_ids([maker]):
        return replace(job, waits_on={maker: Bond.SAME})
    renders.take_over_render(key, job.id)
    return job


def submitted(accepted: Accepted) -> Submitted:
    """The answer for a job that was accepted, now or before."""
    return Submitted(accepted.id, accepted.replayed)
