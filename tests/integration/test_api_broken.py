"""Half broken: a store that dies in the middle of a file, a broker that accepts and is silent."""

from __future__ import annotations

import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest
from django.db import connection

from jobs.services.endings import cancel_job
from tenants.services import issue_key
from tests.conftest import make_tenant
from tests.environment import FOLDER, child_environment
from tests.live import Server, live_server
from tests.places import Place, audio_at
from tests.speech import JOBS, SYNTHESIZE, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)

BIG = os.urandom(1024) * 65_536  # more than all buffers on the way take


def test_a_store_that_dies_in_the_middle_of_a_file_breaks_the_transfer(
    s3_place: Place, tenant: Tenant
) -> None:
    assert s3_place.storage is not None
    address = audio_at(s3_place, tenant, data=BIG)
    token = issue_key(tenant=tenant, name="tests").token
    with s3_place.server.client(token) as client:
        with client.stream("GET", address) as answer:
            assert answer.headers["Content-Length"] == str(len(BIG))
            got = [next(pieces := answer.iter_raw())]
            s3_place.storage.kill()
            with pytest.raises(httpx.RemoteProtocolError):
                got.extend(pieces)
        assert problem_of(client.get(address)) == (503, "store_down")
        s3_place.storage.start()
        assert client.get(address).content == BIG


def test_slow_readers_of_audio_hold_no_thread(s3_place: Place, tenant: Tenant) -> None:
    address = audio_at(s3_place, tenant, data=BIG)
    token = issue_key(tenant=tenant, name="tests").token
    lines = [_reader_that_stops(s3_place.server, address, token) for _ in range(30)]
    try:
        with s3_place.server.client(token, seconds=5) as client:
            assert client.get(JOBS).status_code == 200
            assert client.get(address, headers={"Range": "bytes=0-9"}).content == BIG[:10]
    finally:
        for line in lines:
            line.close()


def _reader_that_stops(server: Server, address: str, token: str) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", server.port))
    line.sendall(
        f"GET {address} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )
    assert line.recv(100).startswith(b"HTTP/1.1 200 ")
    return line


@pytest.fixture(scope="module")
def deaf(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An API whose broker lets everybody in and never says a word."""
    path = FOLDER / "silent.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen(1024)
        broker = f"unix://{quote(str(path), safe='/')}?db=0"
        folder: Path = tmp_path_factory.mktemp("deaf")
        with live_server(folder, child_environment(REDIS_URL=broker)) as running:
            yield running


@pytest.fixture
def client(deaf: Server, tenant: Tenant, speech: None) -> Iterator[httpx.Client]:
    with deaf.client(issue_key(tenant=tenant, name="tests").token) as one:
        yield one


def submit(client: httpx.Client, text: str) -> tuple[httpx.Response, float]:
    started = time.monotonic()
    answer = client.post(SYNTHESIZE, json={"text": text, "voice": "tester"})
    return answer, time.monotonic() - started


def test_a_silent_broker_holds_an_accept_for_a_second_at_most_and_only_once(
    deaf: Server, speech: None
) -> None:
    tokens = [issue_key(tenant=make_tenant(f"t{n}"), name="tests").token for n in range(9)]

    def first_of(token: str) -> tuple[httpx.Response, float]:
        """A tenant's first job is the one whose lane the dispatcher must hear of."""
        with deaf.client(token) as one:
            return submit(one, "Unheard.")

    with ThreadPoolExecutor(8) as pool:
        answered = [*pool.map(first_of, tokens[:8]), first_of(tokens[8])]
    assert {answer.status_code for answer, _ in answered} == {202}
    *first, after = [seconds for _, seconds in answered]
    assert 0.4 < max(first) < 2
    assert after < 0.4


def test_with_a_silent_broker_the_platform_is_ready_and_says_what_is_down(
    client: httpx.Client,
) -> None:
    started = time.monotonic()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["broker"]) == (200, "down")
    assert time.monotonic() - started < 2


def test_with_a_silent_broker_who_waits_is_still_answered_in_time(
    client: httpx.Client, tenant: Tenant
) -> None:
    job = submit(client, "Unheard.")[0].json()

    def cancel() -> None:
        cancel_job(tenant_id=tenant.id, job_id=job["id"])
        connection.close()

    threading.Timer(1, cancel).start()
    started = time.monotonic()
    assert client.get(f"{JOBS}/{job['id']}?wait=20").json()["state"] == "cancelled"
    assert 0.9 < time.monotonic() - started < 5
