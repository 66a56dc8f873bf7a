"""Event streams while the broker or the ledger is away, or restarts: no gap, no repeat."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.integration.test_api_faults import no_postgres, no_redis, standing_in, stopped
from tests.live import Stack, own_stack, wait_until
from tests.speech import JOBS, SYNTHESIZE, problem_of
from tests.sse import EVENTS, Stream, following

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

pytestmark = pytest.mark.slow

HANGS = 2.0  # seconds after which a silent database is given up
SOON = 5.0  # seconds within which a stream tells of an event that no hint announced


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    with own_stack(folder, DATABASE_SECONDS=str(HANGS)) as whole:
        yield whole


@pytest.fixture
def client(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client() as one:
        wait_until(lambda: one.get("/readyz").json() == READY)
        yield one


READY = {**dict.fromkeys(("database", "store", "broker"), "ok"), "workers": {"cpu": 1}}


def end_one(client: httpx.Client) -> str:
    """A job that ends, by being spoken or by being cancelled."""
    job = client.post(SYNTHESIZE, json={"text": f"Number {time.monotonic_ns()}."}).json()
    client.post(f"{JOBS}/{job['id']}/cancel")
    return str(job["id"])


def ended(stream: Stream, count: int) -> list[str]:
    """The next so many jobs that end."""
    found: list[str] = []
    while len(found) < count:
        (said,) = stream.take(1)
        found += [said.job] if said.name != "job.progress" else []
    return found


def test_streams_go_on_without_a_broker_and_through_its_restart(
    stack: Stack, client: httpx.Client
) -> None:
    with following(client) as stream:
        stream.begin()
        jobs = [end_one(client)]
        told = ended(stream, 1)
        with no_redis(stack):
            for _ in range(3):
                jobs.append(end_one(client))
                started = time.monotonic()
                told += ended(stream, 1)
                assert time.monotonic() - started < SOON
        jobs += [end_one(client) for _ in range(5)]
        told += ended(stream, 5)
        assert sorted(told) == sorted(jobs)


def test_a_job_s_stream_and_who_waits_need_no_broker(stack: Stack, client: httpx.Client) -> None:
    with no_redis(stack), ThreadPoolExecutor(1) as pool:
        job_id = client.post(SYNTHESIZE, json={"text": "Unheard."}).json()["id"]
        with following(client, f"{JOBS}/{job_id}/events") as stream:
            stream.begin()
            waited = pool.submit(client.get, f"{JOBS}/{job_id}?wait=20")
            time.sleep(0.5)
            client.post(f"{JOBS}/{job_id}/cancel")
            started = time.monotonic()
            assert [said.name for said in stream] == ["job.cancelled"]
            assert waited.result().json()["state"] == "cancelled"
            assert time.monotonic() - started < SOON


def test_a_broker_that_hangs_holds_no_stream_up(stack: Stack, client: httpx.Client) -> None:
    with following(client) as stream:
        stream.begin()
        with stopped(standing_in(stack.services.redis.data, "redis-server")):
            for _ in range(3):
                job_id = end_one(client)
                started = time.monotonic()
                assert ended(stream, 1) == [job_id]
                assert time.monotonic() - started < SOON


def test_streams_stay_open_while_the_ledger_restarts_and_miss_nothing(
    stack: Stack, client: httpx.Client
) -> None:
    with following(client) as stream:
        start = stream.begin()
        jobs = [end_one(client) for _ in range(3)]
        told = ended(stream, 3)
        with no_postgres(stack):
            assert problem_of(client.get(EVENTS)) == (503, "database_down")
            time.sleep(1.5)
        wait_until(lambda: client.get(JOBS).is_success)
        jobs += [end_one(client) for _ in range(3)]
        told += ended(stream, 3)
    assert sorted(told) == sorted(jobs)
    with following(client, last=start) as again:
        assert ended(again, 6) == told


def test_a_ledger_that_hangs_is_waited_for(stack: Stack, client: httpx.Client) -> None:
    with following(client) as stream:
        stream.begin()
        jobs = [end_one(client)]
        told = ended(stream, 1)
        with stopped(standing_in(stack.services.postgres.data, "postgres")):
            assert problem_of(client.get(EVENTS)) == (503, "database_down")
            time.sleep(HANGS + 1)
        wait_until(lambda: client.get(JOBS).is_success)
        jobs.append(end_one(client))
        told += ended(stream, 1)
    assert told == jobs
