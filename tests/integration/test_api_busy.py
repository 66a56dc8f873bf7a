"""Every thread of the API is held by a ledger that does not answer: what is still answered."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction

from jobs.models import Job
from tenants.services import issue_key
from tests.environment import child_environment
from tests.live import Server, live_server, wait_until
from tests.speech import JOBS, SYNTHESIZE, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)

THREADS, QUEUE, MORE = 2, 3, 7
HELD = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'jobs_job'::regclass"


@pytest.fixture(scope="module")
def small(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An API with few threads and little room in front of them."""
    environment = child_environment(WEB_THREADS=str(THREADS), WEB_QUEUE=str(QUEUE))
    with live_server(tmp_path_factory.mktemp("small"), environment) as running:
        yield running


@pytest.fixture
def client(small: Server, tenant: Tenant, speech: None) -> Iterator[httpx.Client]:
    with small.client(issue_key(tenant=tenant, name="tests").token) as one:
        yield one


@contextmanager
def jobs_locked() -> Iterator[None]:
    """Who reads or writes jobs waits."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE jobs_job IN ACCESS EXCLUSIVE MODE")
        yield


def held_threads() -> int:
    with connection.cursor() as cursor:
        cursor.execute(HELD)
        return int(cursor.fetchone()[0])


def test_while_all_threads_are_held_it_lives_and_more_than_may_wait_are_refused(
    client: httpx.Client,
) -> None:
    def ask() -> httpx.Response:
        return client.get(JOBS)

    with ThreadPoolExecutor(THREADS + QUEUE + MORE) as pool:
        with jobs_locked():
            asked = [pool.submit(ask) for _ in range(THREADS)]
            wait_until(lambda: held_threads() == THREADS)
            more = [pool.submit(ask) for _ in range(QUEUE + MORE)]
            refused = [one.result() for one in islice(as_completed(more), MORE)]
            assert {problem_of(answer) for answer in refused} == {(503, "overloaded")}
            assert {answer.headers["Retry-After"] for answer in refused} == {"2"}
            started = time.monotonic()
            assert client.get("/healthz").json() == {"status": "ok"}
            assert time.monotonic() - started < 1
            assert problem_of(client.get("/api/v1/voices")) == (503, "overloaded")
        answers = [one.result() for one in asked + more]
    assert sorted(one.status_code for one in answers) == [200] * (THREADS + QUEUE) + [503] * MORE
    assert client.get(JOBS).status_code == 200


def test_while_the_intake_is_held_more_than_may_wait_are_refused(client: httpx.Client) -> None:
    def ask(number: int) -> httpx.Response:
        return client.post(SYNTHESIZE, json={"text": f"Number {number}.", "voice": "tester"})

    with ThreadPoolExecutor(1 + QUEUE + MORE) as pool:
        with jobs_locked():
            first = pool.submit(ask, 0)
            wait_until(lambda: held_threads() == 1)
            more = [pool.submit(ask, n) for n in range(1, 1 + QUEUE + MORE)]
            refused = [one.result() for one in islice(as_completed(more), MORE)]
            assert {problem_of(answer) for answer in refused} == {(503, "overloaded")}
        answers = [one.result() for one in [first, *more]]
    statuses = sorted(one.status_code for one in answers)
    assert statuses == [202] * (1 + QUEUE) + [503] * MORE
    assert Job.objects.count() == 1 + QUEUE
