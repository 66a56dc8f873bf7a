"""Database, broker or store away: a clear 503, or the job waits and ends; never a 500."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from fleet.processes import all_processes, working_folder
from fleet.scratch import running
from tests.live import Stack, own_stack, wait_until
from tests.places import s3_settings
from tests.s3 import S3Server, serve_s3
from tests.speech import BULK, JOBS, SYNTHESIZE, problem_of, wait_for_end
from voices.storage import WEB_STORE_SECONDS
from voices.streaming import READERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import httpx

pytestmark = pytest.mark.slow

HANGS = 2.0  # seconds after which a silent database is given up
HELD_UP = 7.0  # seconds that a broker or a store hangs: longer than a lease, or than a bell waits
NOBODY = "00000000-0000-7000-8000-000000000000"
JOB, BATCH = f"{JOBS}/{NOBODY}", f"/api/v1/batches/{NOBODY}"
READS = (
    *(JOBS, JOB, f"{JOB}?wait=2", f"{JOB}/audio", f"{JOB}/audio/link", BATCH),
    *("/api/v1/voices", "/api/v1/voices/ember", "/api/v1/usage"),
)
WRITES = (BULK, f"{JOB}/cancel", f"{JOB}/retry", f"{BATCH}/cancel")
ROW = f"/admin/jobs/job/{NOBODY}"
PAGES = ("/admin/", "/admin/login/", "/admin/jobs/job/", f"{ROW}/change/", "/admin/voices/voice/")
FORMS = ("/admin/login/", f"{ROW}/cancel/", f"{ROW}/retry/")


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with serve_s3(tmp_path_factory.mktemp("store")) as server:
        yield server


@pytest.fixture(scope="module")
def stack(storage: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = s3_settings(storage) | {"DATABASE_SECONDS": str(HANGS)}
    with own_stack(tmp_path_factory.mktemp("stack"), **settings) as whole:
        yield whole


@pytest.fixture
def client(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client() as one:
        wait_until(lambda: one.get("/readyz").status_code == 200)
        yield one


def say(client: httpx.Client, text: str, **headers: str) -> httpx.Response:
    return client.post(SYNTHESIZE, json={"text": text}, headers=headers)


def standing_in(folder: Path, name: str) -> list[int]:
    """Pids of the servers that stand in this folder."""
    place = str(folder.resolve())
    found = (one.pid for one in all_processes() if one.name == name and not one.has_ended)
    return [pid for pid in found if working_folder(pid) == place]


def servers_of(storage: S3Server) -> list[int]:
    return [storage._process.pid] if storage._process else []


def send(pids: Sequence[int], what: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, what)


def end(children: Sequence[int]) -> None:
    """Killed and buried: PostgreSQL takes a zombie for a living server."""
    send(children, signal.SIGKILL)
    for pid in children:
        os.waitpid(pid, 0)


@contextmanager
def stopped(pids: Sequence[int]) -> Iterator[None]:
    """They hang: there, and silent."""
    send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        send(pids, signal.SIGCONT)


@contextmanager
def no_postgres(stack: Stack) -> Iterator[None]:
    """Killed at once, and started anew in the end."""
    postgres = stack.services.postgres
    end([int((postgres.data / "postmaster.pid").read_text().split()[0])])
    wait_until(lambda: not standing_in(postgres.data, "postgres"))
    yield
    log = postgres.data.parent / "postgres-again.log"
    stack.cleanup.enter_context(running(postgres.program(), log))


@contextmanager
def no_redis(stack: Stack) -> Iterator[None]:
    redis = stack.services.redis
    end(standing_in(redis.data, "redis-server"))
    yield
    log = redis.data.parent / "redis-again.log"
    stack.cleanup.enter_context(running(redis.program(), log))


def answers_everywhere(stack: Stack) -> dict[str, httpx.Response]:
    """What all addresses but the synthesis answer: a program, and somebody who was signed in."""
    one, secret = {"items": [{"text": "Not accepted."}]}, "x" * 32
    form = {"username": "admin", "password": "x", "csrfmiddlewaretoken": secret}
    with stack.client() as caller, stack.server.client() as person:
        person.cookies.update({"sessionid": secret, "csrftoken": secret})
        return {
            **{f"GET {path}": caller.get(path) for path in READS},
            **{f"POST {path}": caller.post(path, json=one) for path in WRITES},
            **{f"GET {path}": person.get(path) for path in PAGES},
            **{f"POST {path}": person.post(path, data=form) for path in FORMS},
        }


def test_a_database_that_was_killed_is_503_and_what_was_accepted_is_there_afterwards(
    stack: Stack, client: httpx.Client
) -> None:
    before = say(client, "Accepted before the crash.").json()["id"]
    with no_postgres(stack):
        for _ in range(10):  # every thread of the API has a connection that is gone
            assert problem_of(say(client, "Not accepted.")) == (503, "database_down")
        for asked, answer in answers_everywhere(stack).items():
            assert problem_of(answer) == (503, "database_down"), asked
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["database"]) == (503, "down")
        assert int(ready.headers["Retry-After"]) >= 1
    wait_until(lambda: say(client, "After the crash.").is_success)
    assert wait_for_end(client, before, 30)["state"] == "succeeded"
    listed = client.get(JOBS, params={"limit": 500}).json()["results"]
    assert "Not accepted." not in {job["request"]["text"] for job in listed}


def test_a_database_that_hangs_holds_nobody_for_long(stack: Stack, client: httpx.Client) -> None:
    assert say(client, "Before.").is_success

    def ask(number: int) -> tuple[tuple[int, str], float]:
        started = time.monotonic()
        with stack.client(seconds=60) as one:
            answer = say(one, f"During {number}.") if number % 2 else one.get(JOBS)
        return problem_of(answer), time.monotonic() - started

    servers = standing_in(stack.services.postgres.data, "postgres")
    with stopped(servers), ThreadPoolExecutor(20) as pool:
        told = list(pool.map(ask, range(20)))
    assert {answer for answer, _ in told} == {(503, "database_down")}
    assert max(seconds for _, seconds in told) < 3 * HANGS + 3  # 20 requests on 8 threads
    wait_until(lambda: say(client, "After the pause.").is_success)
    done = say(client, "Spoken after the pause.", Prefer="wait=20").json()
    assert done["state"] == "succeeded"


def test_while_the_broker_is_down_jobs_are_accepted_and_when_it_is_back_they_are_spoken(
    stack: Stack, client: httpx.Client
) -> None:
    with no_redis(stack):
        started = time.monotonic()
        accepted = [say(client, f"Without a bell {number}.") for number in range(5)]
        assert {answer.status_code for answer in accepted} == {202}
        assert time.monotonic() - started < 3
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["broker"]) == (200, "down")
    for answer in accepted:
        assert wait_for_end(client, answer.json()["id"], 30)["state"] == "succeeded"


def test_while_the_broker_hangs_jobs_are_accepted_and_when_it_is_back_they_are_spoken(
    stack: Stack, client: httpx.Client
) -> None:
    redis = standing_in(stack.services.redis.data, "redis-server")
    with stopped(redis):
        started = time.monotonic()
        accepted = [say(client, f"Into the silence {number}.") for number in range(3)]
        accepted.append(say(client, "Into the silence, waiting.", Prefer="wait=1"))
        assert {answer.status_code for answer in accepted} == {202}
        assert time.monotonic() - started < 3
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["broker"]) == (200, "down")
        time.sleep(started + HELD_UP - time.monotonic())
    for answer in accepted:
        assert wait_for_end(client, answer.json()["id"], 10)["state"] == "succeeded"


def test_who_waits_is_answered_although_the_broker_was_restarted_meanwhile(
    stack: Stack, client: httpx.Client
) -> None:
    def wait(address: str) -> tuple[str, float]:
        started = time.monotonic()
        with stack.client(seconds=90) as one:
            job = one.get(f"{address}?wait=50").json()
        return job["state"], time.monotonic() - started

    with ThreadPoolExecutor(1) as pool:
        with stopped([stack.worker.pid]):
            waiting = pool.submit(wait, say(client, "Worth a restart.").headers["Location"])
            time.sleep(1)
            with no_redis(stack):
                time.sleep(1)
        state, seconds = waiting.result(80)
    assert state == "succeeded"
    assert seconds < 30


def test_who_waits_while_the_database_is_away_hears_of_the_job_and_of_no_failure(
    stack: Stack, client: httpx.Client
) -> None:
    def wait() -> httpx.Response:
        with stack.client(seconds=90) as one:
            return say(one, "Accepted, then a crash.", Prefer="wait=40")

    with ThreadPoolExecutor(1) as pool:
        with stopped([stack.worker.pid]):
            waiting = pool.submit(wait)
            time.sleep(1)
            with no_postgres(stack):
                time.sleep(2)
        answer = waiting.result(80)
    assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")


def test_while_the_store_is_down_audio_is_503_and_a_job_waits_and_ends(
    stack: Stack, storage: S3Server, client: httpx.Client
) -> None:
    done = say(client, "Stored.", Prefer="wait=20").json()
    storage.kill()
    try:
        assert problem_of(client.get(done["audio_url"])) == (503, "store_down")
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["store"]) == (503, "down")
        waiting = say(client, "Not stored yet.").json()["id"]
        time.sleep(4)  # longer than a lease
        assert client.get(f"{JOBS}/{waiting}").json()["ended_at"] is None
    finally:
        storage.start()
    job = wait_for_end(client, waiting, 40)
    assert job["state"] == "succeeded"
    assert len(client.get(job["audio_url"]).content) == job["result"]["bytes"]
    assert client.get(done["audio_url"]).status_code == 200


def test_a_job_waits_for_a_store_that_hangs_and_keeps_its_worker(
    storage: S3Server, client: httpx.Client
) -> None:
    with stopped(servers_of(storage)):
        waiting = say(client, "Stored after the pause.").json()["id"]
        time.sleep(HELD_UP)
        assert client.get(f"{JOBS}/{waiting}").json()["state"] == "running"
    job = wait_for_end(client, waiting, 10)
    assert (job["state"], job["attempt"], job["trail"]) == ("succeeded", 1, [])
    assert len(client.get(job["audio_url"]).content) == job["result"]["bytes"]


def test_a_store_that_hangs_holds_up_audio_alone_and_not_for_long(
    stack: Stack, storage: S3Server, client: httpx.Client
) -> None:
    done = say(client, "Stored before the pause.", Prefer="wait=20").json()

    def ask(path: str) -> tuple[httpx.Response, float]:
        started = time.monotonic()
        with stack.client(seconds=60) as one:
            return one.get(path), time.monotonic() - started

    with stopped(servers_of(storage)), ThreadPoolExecutor(READERS * 3 + 1) as pool:
        audio = [pool.submit(ask, done["audio_url"]) for _ in range(READERS * 3)]
        ready = pool.submit(ask, "/readyz")
        for _ in range(10):
            assert ask(JOBS)[1] < 1
        told = [one.result() for one in audio]
        assert {problem_of(answer) for answer, _ in told} == {(503, "store_down")}
        assert {answer.headers["Retry-After"] for answer, _ in told} == {"2"}
        assert ready.result()[0].json()["store"] == "down"
        assert max(seconds for _, seconds in [*told, ready.result()]) < WEB_STORE_SECONDS + 1
    assert client.get(done["audio_url"]).status_code == 200
