"""/readyz tells what it needs apart, in bounded time whatever the others do."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from config.health import PATIENCE
from jobs.services.workers import Announcement, announce_worker, drain_worker
from tests.environment import child_environment
from tests.live import Server, live_server
from tests.speech import JOBS, SYNTHESIZE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

MANY = 5
SIDE_BY_SIDE = PATIENCE + 2.5  # one after the other they take 4 s more
ALL_DOWN = {"database": "down", "workers": "unknown", "broker": "down", "store": "down"}


@contextmanager
def port(*, listens: bool) -> Iterator[int]:
    """Of a server that lets everybody in and never says a word, or of one that is away."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        if listens:
            held.listen(1024)
        yield held.getsockname()[1]


@contextmanager
def api_at(folder: Path, number: int, **more: str) -> Iterator[Server]:
    """An API that looks for its database, broker and store at one port."""
    settings = {
        "DATABASE_URL": f"postgresql://nobody@127.0.0.1:{number}/none",
        "REDIS_URL": f"redis://127.0.0.1:{number}/0",
        "S3_ENDPOINT": f"http://127.0.0.1:{number}",
        "S3_ACCESS_KEY": "key",
        "S3_SECRET_KEY": "secret",
    }
    with live_server(folder, child_environment(**settings, **more)) as running:
        yield running


def timed(server: Server, path: str = "/readyz") -> tuple[httpx.Response, float]:
    with server.client() as client:
        started = time.monotonic()
        return client.get(path), time.monotonic() - started


def test_where_everything_hangs_it_answers_all_who_ask_in_time(tmp_path: Path) -> None:
    with (
        port(listens=True) as number,
        api_at(tmp_path, number) as server,
        ThreadPoolExecutor(MANY) as pool,
    ):
        asked = [pool.submit(timed, server) for _ in range(MANY)]
        alive = [timed(server, "/healthz") for _ in range(5)]
        told = [one.result() for one in asked]
    assert {answer.status_code for answer, _ in alive} == {200}
    assert max(seconds for _, seconds in alive) < PATIENCE
    assert [answer.json() for answer, _ in told] == [ALL_DOWN] * MANY
    assert {answer.status_code for answer, _ in told} == {503}
    assert {answer.headers["Retry-After"] for answer, _ in told} == {"2"}
    assert max(seconds for _, seconds in told) < SIDE_BY_SIDE


def test_where_everything_is_away_it_says_so_and_each_503_has_its_id(tmp_path: Path) -> None:
    with port(listens=False) as number, api_at(tmp_path, number) as server:
        answer, seconds = timed(server)
        with server.client("vm_any_key") as client:
            for method, path in (("GET", "/readyz"), ("GET", JOBS), ("POST", SYNTHESIZE)):
                told = client.request(method, path, headers={"X-Request-ID": "mine"})
                assert (told.status_code, told.headers["X-Request-ID"]) == (503, "mine")
    assert (answer.status_code, answer.json()) == (503, ALL_DOWN)
    assert seconds < SIDE_BY_SIDE


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_hangs_is_told_and_no_reason_to_refuse_jobs(tmp_path: Path) -> None:
    with port(listens=True) as number:
        broker = f"amqp://guest:guest@127.0.0.1:{number}//"
        with live_server(tmp_path, child_environment(AMQP_URL=broker)) as server:
            answer, seconds = timed(server)
    told = {"database": "ok", "workers": "none", "broker": "down", "store": "ok"}
    assert (answer.status_code, answer.json()) == (200, told)
    assert seconds < SIDE_BY_SIDE


def announce(name: str, queue: str) -> None:
    announce_worker(Announcement(name=name, queue=queue, slots=1, pid=1, engines={}))


@pytest.mark.django_db(transaction=True)
def test_workers_are_counted_by_hardware_class(server: Server, speech: None) -> None:
    for name, queue in (("cpu@one", "cpu"), ("cpu@two", "cpu"), ("media@one", "media")):
        announce(name, queue)
    everything = {"database": "ok", "broker": "ok", "store": "ok"}
    answer, _ = timed(server)
    assert answer.json() == everything | {"workers": {"cpu": 2, "media": 1}}
    for name in ("cpu@one", "cpu@two"):
        drain_worker(name=name)
    assert timed(server)[0].json()["workers"] == {"media": 1}
    drain_worker(name="media@one")
    answer, _ = timed(server)
    assert (answer.status_code, answer.json()) == (200, everything | {"workers": "none"})
