"""Many at once: one synthesis for a hundred, and waiting that holds no thread."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest
from django.db import connection
from django.db.models.functions import Now

from jobs.models import Edge, Job, Usage
from jobs.services.endings import cancel_job
from jobs.states import Bond
from jobs.wire import hint_events
from tenants.services import issue_key
from tests.conftest import make_tenant
from tests.engines import JournalEngine
from tests.speech import JOBS, SYNTHESIZE, problem_of, wait_for_end

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from tenants.models import Tenant
    from tests.live import Server

pytestmark = pytest.mark.django_db(transaction=True)

WAITERS = 200


def many(server: Server, token: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=2 * WAITERS)
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=server.url, headers=headers, limits=limits, timeout=60)


async def gather(asked: Sequence[Awaitable[httpx.Response]]) -> list[httpx.Response]:
    return list(await asyncio.gather(*asked))


def ask_a_hundred_times(server: Server, tenant: Tenant, **headers: str) -> list[httpx.Response]:
    """The same request, a hundred times at once."""
    token = issue_key(tenant=tenant, name="many").token
    body = {"text": "All at once.", "voice": "diary"}

    async def ask() -> list[httpx.Response]:
        async with many(server, token) as client:
            asked = [client.post(SYNTHESIZE, json=body, headers=headers) for _ in range(100)]
            return await gather(asked)

    return asyncio.run(ask())


def test_of_a_hundred_identical_requests_one_is_to_be_spoken_and_the_others_wait_on_it(
    server: Server, speech: None, tenant: Tenant
) -> None:
    answers = ask_a_hundred_times(server, tenant)
    assert {answer.status_code for answer in answers} == {202}
    assert Counter(Job.objects.values_list("state", flat=True)) == {"queued": 1, "waiting": 99}
    speaker = Job.objects.get(state="queued")
    assert Edge.objects.filter(awaited=speaker, bond=Bond.SAME).count() == 99


def test_a_hundred_identical_requests_at_once_are_spoken_once(
    cpu_worker: None, server: Server, live: httpx.Client, tenant: Tenant
) -> None:
    JournalEngine.spoken.clear()
    answers = ask_a_hundred_times(server, tenant)
    assert {answer.status_code for answer in answers} <= {200, 202}
    ids = {answer.json()["id"] for answer in answers}
    done = [wait_for_end(live, job_id) for job_id in ids]
    assert len(done) == 100
    assert {job["state"] for job in done} == {"succeeded"}
    assert len({job["result"]["sha256"] for job in done}) == 1
    assert JournalEngine.spoken == ["All at once."]
    assert Usage.objects.filter(cached=False).count() == 1
    assert Usage.objects.count() == 100
    audio = live.get(done[0]["audio_url"])
    assert audio.headers["ETag"] == f'"{done[0]["result"]["sha256"]}"'


def test_a_hundred_identical_requests_under_one_key_are_one_job(
    server: Server, speech: None, tenant: Tenant
) -> None:
    answers = ask_a_hundred_times(server, tenant, **{"Idempotency-Key": "once"})
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Job.objects.count() == 1
    fresh = [answer for answer in answers if "Idempotent-Replayed" not in answer.headers]
    assert len(fresh) == 1


def test_of_sixty_texts_of_three_tenants_at_once_each_caller_is_told_of_its_own(
    server: Server, speech: None
) -> None:
    tokens = [issue_key(tenant=make_tenant(f"t{n}"), name="many").token for n in range(3)]
    texts = [f"Number {n}." for n in range(60)]

    def post(client: httpx.AsyncClient, number: int) -> Awaitable[httpx.Response]:
        key = {"Authorization": f"Bearer {tokens[number % 3]}"}
        body = {"text": texts[number], "voice": "tester"}
        return client.post(SYNTHESIZE, json=body, headers=key)

    async def ask() -> list[httpx.Response]:
        async with many(server, tokens[0]) as client:
            return await gather([post(client, number) for number in range(60)])

    answers = [answer.json() for answer in asyncio.run(ask())]
    assert [answer["request"]["text"] for answer in answers] == texts
    owners = dict(Job.objects.values_list("id", "tenant__slug"))
    assert [owners[UUID(answer["id"])] for answer in answers] == ["t0", "t1", "t2"] * 20


def submit(live: httpx.Client, **headers: str) -> httpx.Response:
    body = {"text": "Worth waiting for.", "voice": "tester"}
    return live.post(SYNTHESIZE, json=body, headers=headers)


def test_prefer_wait_answers_with_the_job_that_has_ended(
    cpu_worker: None, live: httpx.Client
) -> None:
    started = time.monotonic()
    answer = submit(live, Prefer="wait=20")
    job = answer.json()
    assert (answer.status_code, job["state"]) == (200, "succeeded")
    assert answer.headers["Location"] == f"{JOBS}/{job['id']}"
    assert time.monotonic() - started < 10


def test_nobody_waits_longer_than_asked(live: httpx.Client) -> None:
    started = time.monotonic()
    answer = submit(live, Prefer="wait=1")
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert answer.headers.get_list("Location") == [f"{JOBS}/{answer.json()['id']}"]
    assert 0.9 < time.monotonic() - started < 3
    looked = live.get(f"{JOBS}/{answer.json()['id']}?wait=1")
    assert (looked.status_code, looked.json()["state"]) == (200, "queued")
    assert 1.9 < time.monotonic() - started < 5


def test_who_may_write_and_not_read_still_learns_of_the_job(
    server: Server, live: httpx.Client, tenant: Tenant
) -> None:
    token = issue_key(tenant=tenant, name="w", scopes=["jobs:write"]).token
    with server.client(token) as writer:
        started = time.monotonic()
        answer = submit(writer, Prefer="wait=10")
        assert (answer.status_code, answer.json()["state"]) == (202, "queued")
        assert time.monotonic() - started < 5


def test_waiting_for_nothing_is_answered_at_once(live: httpx.Client) -> None:
    missing = live.get(f"{JOBS}/00000000-0000-7000-8000-000000000000?wait=30")
    assert problem_of(missing) == (404, "job_not_found")
    refused = live.post(SYNTHESIZE, json={"text": ""}, headers={"Prefer": "wait=30"})
    assert problem_of(refused) == (422, "text_empty")


def test_two_hundred_who_wait_hold_no_thread_and_are_answered_when_the_job_ends(
    server: Server, live: httpx.Client, tenant: Tenant
) -> None:
    token = issue_key(tenant=tenant, name="many").token
    job_id = submit(live).json()["id"]

    async def wait_and_look() -> tuple[list[httpx.Response], list[float], int]:
        async with many(server, token) as client:
            address = f"{JOBS}/{job_id}?wait=40"
            waiting = asyncio.gather(*[client.get(address) for _ in range(WAITERS)])
            await asyncio.sleep(2)
            times = [await timed(client.get(JOBS)) for _ in range(20)]
            threads = threads_of(server.process.pid)
            await asyncio.to_thread(cancel, tenant, job_id)
            return await waiting, times, threads

    started = time.monotonic()
    answers, times, threads = asyncio.run(wait_and_look())
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["state"] for answer in answers} == {"cancelled"}
    assert time.monotonic() - started < 15
    assert max(times) < 1
    assert threads < 40


async def timed(asked: Awaitable[Any]) -> float:
    started = time.monotonic()
    await asked
    return time.monotonic() - started


def threads_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def cancel(tenant: Tenant, job_id: UUID) -> None:
    cancel_job(tenant_id=tenant.id, job_id=job_id)
    connection.close()


def test_a_hint_about_another_job_wakes_nobody(live: httpx.Client, tenant: Tenant) -> None:
    job = Job.objects.get(id=submit(live).json()["id"])
    hint_events((job.id, job.tenant_id))
    started = time.monotonic()
    assert live.get(f"{JOBS}/{job.id}?wait=1").json()["state"] == "queued"
    assert time.monotonic() - started > 0.9


def test_one_hint_tells_of_all_that_ended_together(live: httpx.Client, tenant: Tenant) -> None:
    first, second = (Job.objects.get(id=submit(live).json()["id"]) for _ in range(2))
    Job.objects.filter(id=second.id).update(ended_at=Now(), state="cancelled")
    with ThreadPoolExecutor(1) as threads:
        waits = threads.submit(live.get, f"{JOBS}/{first.id}?wait=10")
        time.sleep(0.5)
        Job.objects.filter(id=first.id).update(ended_at=Now(), state="cancelled")
        told_at = time.monotonic()
        hint_events((second.id, second.tenant_id), (first.id, first.tenant_id))
        assert waits.result().json()["state"] == "cancelled"
    assert time.monotonic() - told_at < 2
