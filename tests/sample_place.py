"""A place as an operator finds it: tenants with keys, workers, voices, and jobs in every state."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from math import pi, sin
from typing import TYPE_CHECKING, Any

from django.db.models.functions import Now

from jobs.measures import Sample
from jobs.models import Job, Worker
from jobs.services import claims, endings
from jobs.services.accept import NewJob, Step, submit_job
from jobs.services.claims import Charge, Failure
from jobs.services.housekeeping import expire_late_jobs
from jobs.services.progress import report_progress
from jobs.services.workers import Announcement, announce_worker, beat, drain_worker
from jobs.states import Priority, State
from jobs.webhooks import endpoints
from jobs.webhooks.deliveries import claim_due, note_answers
from jobs.webhooks.fanning import fan_out
from jobs.webhooks.sending import Answer
from synthesis_worker import audio
from synthesis_worker.contract import SpeechRequest, Waveform
from synthesis_worker.engines.espeak import EspeakEngine
from tenants import services as tenants
from tenants.models import Tier
from voices.models import Binding, Revision, Voice
from voices.stock import load_stock_voices
from voices.storage import put_audio

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from jobs.services.claims import ClaimedJob
    from tenants.models import Tenant

TEXTS = (
    "Good morning. Your parcel arrives today between two and four.",
    "Platform nine: the train to Ghent is ten minutes late.",
    "Your code is 4 7 1 1. It is good for ten minutes.",
    "Chapter one. It was a bright cold day in April, and the clocks were striking thirteen.",
)


TIERS: dict[str, dict[str, Any]] = {
    "free": {"name": "Free", "speaks": False, "max_running": 1, "max_queued": 10},
    "small-business": {"name": "Small business", "max_running": 8, "max_queued": 5_000},
    "professional": {"name": "Professional", "weight": 2.0, "max_running": 32},
}
BINDINGS: dict[str, dict[str, Any]] = {
    "piper": {"model": "en_US-lessac-medium", "dials": {"speed": 1.1}, "substitute": False},
    "espeak": {"model": "en-us+f3", "dials": {"speed": 1.1}, "substitute": True},
}


ANSWERS = {
    "shop": Answer(200, text="thank you", milliseconds=84),
    "calls": Answer(503, text="<h1>Service unavailable</h1>", milliseconds=2_310),
    "old": Answer(410, milliseconds=40),
}


@dataclass(frozen=True, slots=True)
class Place:
    """What a test or a picture asks for by name."""

    tenant: Tenant
    token: str
    jobs: dict[str, UUID]


def make_place() -> Place:
    """Everything through the services that make it in earnest."""
    load_stock_voices()
    make_workers()
    tenant, token = make_tenants()
    make_own_voice(tenant)
    make_webhooks(tenant)
    jobs = make_jobs(tenant)
    deliver()
    return Place(tenant, token, jobs)


def make_tenants() -> tuple[Tenant, str]:
    """A customer with a live, an expiring and a revoked key; and two others."""
    for slug, allows in TIERS.items():  # a test that empties the tables takes them along
        Tier.objects.get_or_create(slug=slug, defaults=allows)
    tenants.create_tenant(slug="harbour", name="Harbour Radio", tier="small-business")
    tenants.create_tenant(slug="museum", name="City Museum", tier="free")
    tenant = tenants.create_tenant(slug="postal", name="Parcel & Post", tier="professional")
    issued = tenants.issue_key(tenant=tenant, name="web shop")
    tenants.rotate_key(key=tenants.issue_key(tenant=tenant, name="call centre").key)
    lost = tenants.issue_key(tenant=tenant, name="lost laptop", scopes=["jobs:read"])
    tenants.revoke_key(key=lost.key)
    return tenant, issued.token


def make_workers() -> None:
    """One alive, one draining, one silent."""
    engines = {"espeak": asdict(EspeakEngine().capabilities)}
    for name, queue, known in (
        ("cpu@alpha", "cpu", engines),
        ("cpu@beta", "cpu", engines),
        ("media@alpha", "media", {}),
    ):
        announce_worker(Announcement(name=name, queue=queue, slots=4, pid=4711, engines=known))
        beat(name=name, memory_mb=182)
    drain_worker(name="cpu@beta")
    an_hour_ago = Now() - timedelta(hours=1)
    Worker.objects.filter(name="media@alpha").update(heartbeat_at=an_hour_ago)


def make_webhooks(tenant: Tenant) -> None:
    """One that works, one that fails, one that is gone; and addresses of single requests."""
    for path, note in (("shop", "web shop"), ("calls", "call centre"), ("old", "the old shop")):
        url = f"https://1.1.1.1/hooks/{path}"
        endpoints.create_endpoint(tenant_id=tenant.id, url=url, description=note)
    endpoints.own_endpoint(tenant.id)


def deliver() -> None:
    """What has happened is told: to each as it would answer."""
    while fan_out():
        pass
    while claimed := claim_due([]):
        note_answers([(one, ANSWERS[one.letter.url.rpartition("/")[2]]) for one in claimed])


def make_own_voice(tenant: Tenant) -> None:
    voice = Voice.objects.create(
        tenant=tenant,
        slug="counter",
        name="At the counter",
        language="en-GB",
        gender="female",
        description="Calm and clear, for the queue in the shop.",
    )
    revision = Revision.objects.create(
        voice=voice, number=1, state=Revision.State.PUBLISHED, settings={"speed": 1.1}
    )
    Binding.objects.create(revision=revision, engine="espeak", model="en-gb+f2")


def make_jobs(tenant: Tenant) -> dict[str, UUID]:
    """A job in every state, by the state's name; and a few more, so that lists look lived in."""
    for text in TEXTS * 3:
        done(tenant, text)
    jobs = {
        State.WAITING: submit(tenant, TEXTS[0], waits=timedelta(minutes=20)),
        State.QUEUED: submit(tenant, TEXTS[1]),
        State.RUNG: submit(tenant, TEXTS[2]),
        State.RUNNING: running(tenant, TEXTS[3]),
        State.SUCCEEDED: done(tenant, TEXTS[0]),
        State.FAILED: failed(tenant, TEXTS[1]),
        State.CANCELLED: submit(tenant, TEXTS[2]),
        State.EXPIRED: submit(tenant, TEXTS[3], late=True),
    }
    Job.objects.filter(id=jobs[State.RUNG]).update(state=State.RUNG, rung_at=Now())
    endings.cancel_job(tenant_id=tenant.id, job_id=jobs[State.CANCELLED])
    expire_late_jobs()
    return {state.value: job_id for state, job_id in jobs.items()}


def submit(
    tenant: Tenant,
    text: str,
    *,
    waits: timedelta | None = None,
    late: bool = False,
    engines: Sequence[str] = ("espeak",),
) -> UUID:
    asked = {"text": text, "spoken": text, "voice": "ember", "language": "en-US"}
    wish = {"format": "wav", "quality": "medium", "substitute": "flag", "settings": {"speed": 1.1}}
    now = Worker.objects.annotate(now=Now()).values_list("now", flat=True)[0]
    job = NewJob(
        tenant_id=tenant.id,
        kind="synthesize",
        plan=[Step(engine, "cpu", BINDINGS[engine]) for engine in engines],
        request=asked | wish,
        priority=Priority.INTERACTIVE,
        not_before=now + waits if waits else None,
        deadline=now - timedelta(seconds=5) if late else None,
    )
    return submit_job(job).id


def claimed(tenant: Tenant, text: str) -> ClaimedJob:
    """Held by a worker on its second engine: the first had no model."""
    job_id = submit(tenant, text, engines=("piper", "espeak"))
    first = claims.claim_job(job_id, worker="cpu@alpha")
    assert first is not None
    claims.fail_step(first, missing())
    second = claims.claim_job(job_id, worker="cpu@alpha")
    assert second is not None
    return second


def running(tenant: Tenant, text: str) -> UUID:
    job = claimed(tenant, text)
    report_progress(job, 0.45)
    return job.id


def failed(tenant: Tenant, text: str) -> UUID:
    job = claimed(tenant, text)
    claims.fail_step(job, Failure("engine_failed", "It stopped in mid-sentence.", permanent=True))
    return job.id


def missing() -> Failure:
    message = "The model en_US-lessac-medium is not installed on this worker."
    return Failure("model_missing", message, permanent=True)


def make_samples() -> None:
    """An hour of two queues, with a rush in the middle and ten minutes without a dispatcher."""
    now, done, counts = datetime.now(UTC), 0, [0, 0, 0]
    for minute in range(60):
        rush = max(0.0, sin(minute / 60 * pi * 2))
        done += 40 + int(20 * rush)
        counts = [count + new for count, new in zip(counts, (30, 38, 40), strict=True)]
        if not 44 <= minute < 54:
            for queue in ("cpu", "media"):
                Sample.objects.create(
                    queue_id=queue,
                    at=now - timedelta(minutes=59 - minute),
                    depth=int(90 * rush),
                    seconds=240 * rush,
                    oldest=30 * rush,
                    running=min(4, 1 + int(5 * rush)),
                    slots=4,
                    done=done,
                    failed=done // 60,
                    waits=dict(zip(("1", "30", "+Inf"), counts, strict=True)),
                )


@cache
def speak(text: str) -> Waveform:
    return audio.join(list(EspeakEngine().synthesize(SpeechRequest(text, "en-US", "en-us+f3"))))


def done(tenant: Tenant, text: str) -> UUID:
    """Spoken, stored and charged."""
    job, spoken = claimed(tenant, text), speak(text)
    data = audio.encode(spoken, "wav")
    result: dict[str, Any] = {
        "sha256": put_audio(tenant.id, data, "wav"),
        "format": "wav",
        "media_type": "audio/wav",
        "bytes": len(data),
        "seconds": round(spoken.seconds, 3),
        "sample_rate": spoken.sample_rate,
        "voice": "ember",
        "engine": "espeak",
        "model": "en-us+f3",
        "substituted": True,
        "cached": False,
    }
    charge = Charge(
        voice="ember", provider="espeak", characters=len(text), audio_seconds=result["seconds"]
    )
    assert claims.finish_job(job, result=result, charge=charge)
    return job.id
