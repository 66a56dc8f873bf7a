"""Voices that the tests' engines speak, and clients that ask for them."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from django.test import Client

from jobs.answering import answer_bell
from jobs.models import Job
from jobs.services.workers import offer_engine
from synthesis_worker.cloning import clone_voice
from synthesis_worker.speaking import speak_or_reuse
from tenants.services import issue_key
from tests.engines import EchoEngine, JournalEngine, MimicEngine
from voices.models import Binding, Revision, Voice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    from tenants.models import Tenant

SYNTHESIZE = "/api/v1/jobs/synthesize"
JOBS = "/api/v1/jobs"
BULK = "/api/v1/jobs/bulk"
PROBLEM = "application/problem+json"
ENGINES = {
    engine.capabilities.engine: asdict(engine.capabilities)
    for engine in (EchoEngine, JournalEngine, MimicEngine)
}


def make_voice(
    slug: str = "tester",
    *,
    tenant: Tenant | None = None,
    engines: Sequence[str] = ("echo",),
    stand_ins: Sequence[str] = (),
    **described: Any,
) -> Voice:
    """A published voice that these engines speak; `stand_ins` do so with another speaker."""
    voice = Voice.objects.create(
        **({"slug": slug, "tenant": tenant, "name": slug.title(), "language": "en-GB"} | described)
    )
    revision = Revision.objects.create(voice=voice, number=1, state=Revision.State.PUBLISHED)
    for engine in (*engines, *stand_ins):
        Binding.objects.create(
            revision=revision, engine=engine, model=engine, substitute=engine in stand_ins
        )
    return voice


def offer_engines(*names: str) -> None:
    """As if a worker with these engines had been here and had gone to sleep."""
    for name in names:
        offer_engine(engine=name, queue="cpu", capabilities=ENGINES[name])


def keyed(tenant: Tenant, **more: Any) -> Client:
    """A client with a key of the tenant. A view that fails answers 500, as it would outside."""
    token = issue_key(tenant=tenant, name="tests", **more).token
    headers = {"Authorization": f"Bearer {token}"}
    return Client(headers=headers, raise_request_exception=False)


class Answer(Protocol):
    """What both kinds of client are answered."""

    @property
    def status_code(self) -> int: ...

    @property
    def headers(self) -> Any: ...

    @property
    def json(self) -> Callable[..., Any]: ...


def post(client: Client, path: str, body: object, **headers: str) -> Answer:
    """POST it as JSON; Idempotency_Key=... is a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, body, content_type="application/json", headers=named)


def problem_of(answer: Answer) -> tuple[int, str]:
    """Status and code of what must be a well-formed problem."""
    body = answer.json()
    assert answer.headers["Content-Type"].startswith(PROBLEM), answer.headers
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:voicemill:{body['code']}"
    assert body["title"]
    assert body["detail"]
    if answer.status_code in {429, 503}:
        assert int(answer.headers["Retry-After"]) >= 1
    return answer.status_code, str(body["code"])


def wait_for_end(client: Client | httpx.Client, job_id: str, seconds: float = 20) -> dict[str, Any]:
    """The job once it has ended. Until then the API may be away."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answer: Answer = client.get(f"{JOBS}/{job_id}")
        job: dict[str, Any] = answer.json()
        if job.get("ended_at"):
            return job
        assert answer.status_code in {200, 503}, job
        time.sleep(0.03)
    raise AssertionError(f"not ended: {job}")


def speak(job_id: str) -> Job:
    """Do a job's steps here and now, as its workers would."""
    for _ in range(5):
        job = Job.objects.get(id=job_id)
        if job.ended_at:
            break
        answer_bell(job_id, clone_voice if job.kind == "clone" else speak_or_reuse)
    return job
