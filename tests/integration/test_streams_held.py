"""Many streams held for long: bounded in number and memory, and ended when they must end."""

from __future__ import annotations

import re
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from django.db import connections

from jobs.models import Event, Job
from jobs.streams.feeds import BOX
from jobs.wire import hint_events
from tenants.models import ApiKey
from tenants.models import Tenant as TenantRow
from tenants.scopes import ALL_SCOPES
from tenants.services import issue_key, revoke_key
from tests.conftest import make_tenant
from tests.environment import child_environment
from tests.ledger import eventually, finish, submit, take
from tests.live import live_server
from tests.speech import JOBS, problem_of
from tests.sse import EVENTS, following

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tenants.models import Tenant
    from tests.live import Server

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 150
TOO_MUCH = BOX + 700  # events of 8 kB: more than a box and a connection's buffers hold


@pytest.fixture
def own_server(tenant: Tenant, tmp_path: Path) -> Iterator[Server]:
    """An API that a test may end."""
    with live_server(tmp_path, child_environment(MAX_STREAMS="3")) as running:
        yield running


def key(tenant: Tenant, *scopes: str) -> str:
    return issue_key(tenant=tenant, name="held", scopes=scopes or ALL_SCOPES).token


def is_held(server: Server, client: socket.socket) -> bool:
    """Whether the server still has its end of this connection open: orphans have no inode."""
    ours = f":{server.port:04X}", f":{client.getsockname()[1]:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    ends = {tuple(end[-5:] for end in line.split()[1:3]): line.split()[9] for line in lines}
    return ends.get(ours, "0") != "0"


def threads_of(server: Server) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))


def connect_and_never_read(server: Server, token: str, path: str = EVENTS) -> socket.socket:
    """Only the head of the answer is taken."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", server.port))
    client.settimeout(20)
    ask = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    client.sendall(ask.encode())
    assert client.recv(12) == b"HTTP/1.1 200"
    return client


def flood(tenant: Tenant, count: int = TOO_MUCH) -> UUID:
    """Far more events than somebody who does not read can be kept."""
    job = take(submit(tenant))
    Job.objects.filter(id=job.id).update(events=count)
    row = {"job_id": job.id, "tenant": tenant, "name": "job.failed"}
    told = {"code": "engine_failed", "message": "m" * 8000}
    numbers = range(1, count + 1)
    Event.objects.bulk_create([Event(number=number, data=told, **row) for number in numbers])
    hint_events((job.id, tenant.id))
    return job.id


def written(tenant: Tenant) -> list[str]:
    rows = Event.objects.filter(tenant=tenant).order_by("transaction", "id")
    return [f"{row.transaction}-{row.id}" for row in rows]


def test_who_never_reads_is_dropped_and_misses_nothing_by_coming_back(
    server: Server, tenant: Tenant
) -> None:
    token = key(tenant)
    idle = connect_and_never_read(server, token)
    assert is_held(server, idle)
    with server.client(token) as client, ThreadPoolExecutor(1) as pool:
        with following(client) as stream:
            start = stream.begin()
            everything = pool.submit(stream.take, TOO_MUCH)
            flood(tenant)
            assert [said.id for said in everything.result()] == written(tenant)
        eventually(lambda: not is_held(server, idle))
        received = b""
        while piece := idle.recv(65536):
            received += piece
        idle.close()
        assert not received.endswith(b"0\r\n\r\n")
        told = re.findall(rb"^data: .*\nid: (\d+-\d+)\n\n", received, re.MULTILINE)
        seen = [place.decode() for place in told]
        assert len(seen) < TOO_MUCH
        with following(client, last=[start, *seen][-1]) as stream:
            seen += [said.id for said in stream.take(TOO_MUCH - len(seen))]
    assert seen == written(tenant)


def test_a_hundred_and_fifty_streams_hold_no_thread_and_others_are_served(
    server: Server, live: httpx.Client, tenant: Tenant
) -> None:
    token = key(tenant)
    limits = httpx.Limits(max_connections=2 * MANY)
    with ExitStack() as stack:
        client = httpx.Client(
            base_url=server.url,
            headers={"Authorization": f"Bearer {token}"},
            limits=limits,
            timeout=30,
        )
        stack.enter_context(client)
        job = take(submit(tenant))
        paths = [EVENTS, f"{JOBS}/{job.id}/events"] * (MANY // 2)
        streams = [stack.enter_context(following(client, path)) for path in paths]
        for stream in streams:
            stream.begin()
        started = time.monotonic()
        assert live.get(JOBS).status_code == 200
        assert time.monotonic() - started < 1
        assert threads_of(server) < 40
        finish(job)
        for stream in streams:
            assert [said.name for said in stream.take(1)] == ["job.succeeded"]


def test_a_revoked_key_ends_its_streams_within_seconds(server: Server, tenant: Tenant) -> None:
    kept, lost = key(tenant), issue_key(tenant=tenant, name="lost")
    with server.client(kept) as still, server.client(lost.token) as client:
        with following(still) as other, following(client) as stream:
            other.begin(), stream.begin()
            revoke_key(key=lost.key)
            started = time.monotonic()
            assert list(stream) == []
            assert time.monotonic() - started < 6
            job = take(submit(tenant))
            finish(job)
            assert other.take(1)[0].job == str(job.id)
        eventually(lambda: not opens(client))


def opens(client: httpx.Client) -> bool:
    with client.stream("GET", EVENTS) as answer:
        return answer.status_code == 200


def test_a_revoked_key_lets_go_of_who_never_reads(server: Server, tenant: Tenant) -> None:
    lost = issue_key(tenant=tenant, name="lost")
    with connect_and_never_read(server, lost.token) as idle:
        flood(tenant, BOX)  # its buffers are full, its box is not
        time.sleep(1)
        assert is_held(server, idle)
        revoke_key(key=lost.key)
        eventually(lambda: not is_held(server, idle))


@pytest.mark.parametrize("loss", ["tenant", "scope"])
def test_a_key_that_may_no_longer_read_ends_its_streams(
    server: Server, tenant: Tenant, loss: str
) -> None:
    issued = issue_key(tenant=tenant, name="lost")
    with server.client(issued.token) as client, following(client) as stream:
        stream.begin()
        if loss == "tenant":
            TenantRow.objects.filter(id=tenant.id).update(active=False)
        else:
            ApiKey.objects.filter(id=issued.key.id).update(scopes=["jobs:write"])
        started = time.monotonic()
        assert list(stream) == []
        assert time.monotonic() - started < 6


@pytest.mark.parametrize("path", [EVENTS, f"{JOBS}/{{job}}/events"])
def test_the_door_is_that_of_every_view(server: Server, tenant: Tenant, path: str) -> None:
    address = path.format(job=submit(tenant))
    with server.client() as nobody, server.client("vm_a_b") as stranger:
        for method in ("GET", "HEAD"):
            assert nobody.request(method, address).status_code == 401
        assert problem_of(nobody.get(address)) == (401, "not_authenticated")
        assert problem_of(stranger.get(address)) == (401, "key_refused")
        assert stranger.get(address).headers["WWW-Authenticate"].startswith("Bearer")
    with server.client(key(tenant, "jobs:write")) as writer:
        assert problem_of(writer.get(address)) == (403, "scope_missing")


@pytest.mark.parametrize("path", [EVENTS, f"{JOBS}/{{job}}/events"])
def test_what_is_no_get_and_what_a_client_accepts(
    server: Server, live: httpx.Client, tenant: Tenant, path: str
) -> None:
    address = path.format(job=submit(tenant))
    head = live.head(address)
    assert (head.status_code, head.content) == (200, b"")
    for accepted in ("application/json", "text/event-stream", "image/png;q=0.1"):
        with live.stream("GET", address, headers={"Accept": accepted}) as answer:
            for name in ("Content-Type", "Cache-Control", "X-Accel-Buffering"):
                assert answer.headers[name] == head.headers[name]
    assert head.headers["Content-Type"] == "text/event-stream"
    assert (head.headers["Cache-Control"], head.headers["X-Accel-Buffering"]) == ("no-cache", "no")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert problem_of(live.request(method, address)) == (405, "method_not_allowed")
    assert live.head(f"{EVENTS}?last_event_id=x").status_code == 400


def test_a_tenant_holds_so_many_streams_and_another_still_has_its_own(
    own_server: Server, tenant: Tenant
) -> None:
    other = make_tenant("other")
    with own_server.client(key(tenant)) as client, own_server.client(key(other)) as theirs:
        with ExitStack() as stack:
            streams = [stack.enter_context(following(client)) for _ in range(3)]
            assert [stream.begin() for stream in streams] == ["0-0"] * 3
            assert problem_of(client.get(EVENTS)) == (429, "too_many_streams")
            with following(theirs) as stream:
                stream.begin()
        eventually(lambda: opens(client))


def test_a_server_that_stops_ends_its_streams_and_answers_who_waits(
    own_server: Server, tenant: Tenant
) -> None:
    token, job_id = key(tenant), submit(tenant)
    idle = connect_and_never_read(own_server, token)
    waited: list[httpx.Response] = []

    def wait() -> None:
        with own_server.client(token) as client:
            waited.append(client.get(f"{JOBS}/{job_id}?wait=40"))

    with own_server.client(token) as client, following(client) as stream:
        stream.begin()
        with following(client, f"{JOBS}/{job_id}/events") as of_job:
            of_job.begin()
            waiter = threading.Thread(target=wait)
            waiter.start()
            done = ThreadPoolExecutor(1).submit(lambda: list(stream))
            flood(tenant)  # the one who never reads must not hold the server up
            time.sleep(1)
            own_server.process.send_signal(signal.SIGTERM)
            started = time.monotonic()
            assert len(done.result()) == TOO_MUCH
            list(of_job)
    waiter.join()
    idle.close()
    own_server.process.wait(10)
    assert time.monotonic() - started < 4
    assert (waited[0].status_code, waited[0].json()["state"]) == (200, "queued")
    assert "Traceback" not in own_server.log.read_text()
    connections.close_all()
