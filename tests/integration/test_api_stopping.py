"""An API that is told to stop: what is on its way to it is answered, and then it goes."""

from __future__ import annotations

import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING

import httpx
import pytest
from django.db import connection, transaction

from fleet.run import api, open_port
from fleet.scratch import running
from tenants.services import issue_key
from tests.environment import child_environment
from tests.ledger import eventually
from tests.live import ROOT, live_server
from tests.speech import JOBS, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.db.backends.utils import CursorWrapper

    from tenants.models import Tenant
    from tests.live import Server

ON_ITS_WAY = 0.5  # seconds from the signal to the request: longer than uvicorn alone would wait


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    with live_server(tmp_path, child_environment()) as server:
        yield server


@contextmanager
def connected(server: Server) -> Iterator[HTTPConnection]:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        connection.connect()
        yield connection


def ask(connection: HTTPConnection) -> HTTPResponse:
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    answer.read()
    return answer


def tell_to_stop(server: Server) -> None:
    server.process.send_signal(signal.SIGTERM)
    time.sleep(ON_ITS_WAY)


def test_a_request_on_a_kept_connection_is_answered_and_is_its_last(own_server: Server) -> None:
    with connected(own_server) as kept:
        assert ask(kept).getheader("Connection") is None
        tell_to_stop(own_server)
        answer = ask(kept)
        assert (answer.status, answer.getheader("Connection")) == (200, "close")
    own_server.process.wait(10)


def test_who_had_only_connected_is_answered(own_server: Server) -> None:
    with connected(own_server) as fresh, connected(own_server) as later:
        ask(later)  # so the server has taken in the one before
        tell_to_stop(own_server)
        assert ask(fresh).status == 200
    own_server.process.wait(10)


def test_clients_that_are_silent_do_not_keep_it(own_server: Server) -> None:
    with connected(own_server), connected(own_server) as asked:
        ask(asked)
        own_server.process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        own_server.process.wait(10)
        assert time.monotonic() - started < 4


def test_who_comes_afterwards_waits_for_the_next_one_and_is_not_refused(
    own_server: Server,
) -> None:
    """The listening socket is the supervisor's: here the test's."""
    own_server.process.send_signal(signal.SIGTERM)
    own_server.process.wait(10)
    with socket.create_connection(("127.0.0.1", own_server.port), timeout=5) as waiting:
        waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        waiting.settimeout(0.3)
        with pytest.raises(TimeoutError):
            waiting.recv(1)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_who_cannot_be_answered_in_time_is_told_to_repeat_it(
    tenant: Tenant, tmp_path: Path
) -> None:
    """As `make run` starts it, it waits five seconds for answers; the ledger is locked for more."""
    headers = {"Authorization": f"Bearer {issue_key(tenant=tenant, name='late').token}"}
    with open_port("0") as listener, ThreadPoolExecutor(1) as threads:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        program = api(ROOT, child_environment(DATABASE_SECONDS="30"), listener, url)
        with running(program, tmp_path / "api.log") as process:
            assert httpx.get(f"{url}{JOBS}", headers=headers).status_code == 200
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("LOCK TABLE jobs_job IN ACCESS EXCLUSIVE MODE")
                late = threads.submit(httpx.get, f"{url}{JOBS}", headers=headers, timeout=30)
                eventually(lambda: waits_for_the_lock(cursor))
                process.send_signal(signal.SIGTERM)
                assert problem_of(late.result()) == (503, "restarting")


def waits_for_the_lock(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
    row = cursor.fetchone()
    return row is not None and row[0] > 0
