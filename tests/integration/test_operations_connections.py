"""Connections of real processes under load, held to the table of docs/operations.md."""

from __future__ import annotations

import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg2
import pytest

from fleet.scratch import scratch_services
from tests.live import QUIET, ROOT, bootstrap, environment_of, live_server, python, wait_until
from tests.speech import JOBS, SYNTHESIZE
from tests.sse import following

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fleet.services import Services
    from tests.live import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

WEB_THREADS, SLOTS = 3, 2
ROUNDS = 4  # of load at most, until everything has been busy
PROCESSES = {
    "api": "API",
    "dispatcher": "dispatcher",
    "threads": "worker, `-P threads`",
    "prefork": "worker, `-P prefork`",
}
LONG = "The mill turns at night, and it rests by day. " * 60  # its worker has to keep a lease
BY_NAME = """
    SELECT application_name, count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() GROUP BY 1"""
ROW = re.compile(r"^\| (?P<process>.+?) \| `(?P<kept>.+?)` \| `(?P<moments>.+?)` \|$", re.MULTILINE)


@dataclass(frozen=True)
class Told:
    """What the table says of a process, worked out for what runs here."""

    kept: int
    moments: int


def documented() -> dict[str, Told]:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    names = {"WEB_THREADS": WEB_THREADS, "slots": SLOTS}
    rows = {row["process"]: row for row in ROW.finditer(text)}
    return {
        name: Told(*(worked_out(rows[process][part], names) for part in ("kept", "moments")))
        for name, process in PROCESSES.items()
    }


def worked_out(formula: str, names: Mapping[str, int]) -> int:
    """A sum of products."""
    total = 0
    for part in formula.split(" + "):
        product = 1
        for factor in part.split(" * "):
            product *= names[factor] if factor in names else int(factor)
        total += product
    return total


class Counting(threading.Thread):
    """The most connections each process was seen to hold at one time."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.services, self.done, self.most = services, threading.Event(), Counter[str]()

    def run(self) -> None:
        with closing(psycopg2.connect(self.services.postgres.url)) as looking:
            looking.autocommit = True
            with looking.cursor() as cursor:
                while not self.done.wait(0.05):
                    cursor.execute(BY_NAME)
                    self.most |= Counter(dict(cursor.fetchall()))  # the higher of both


@contextmanager
def counting(services: Services) -> Iterator[Counting]:
    thread = Counting(services)
    thread.start()
    try:
        yield thread
    finally:
        thread.done.set()
        thread.join()


@pytest.fixture(scope="module")
def most(tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    folder = tmp_path_factory.mktemp("connections")
    with ExitStack() as stack:
        services = stack.enter_context(scratch_services(folder))
        environment = environment_of(services, folder)
        token = bootstrap(environment)
        seen = stack.enter_context(counting(services))
        for name, words in {
            "dispatcher": ("manage.py", "dispatch"),
            "threads": worker("threads"),
            "prefork": worker("prefork"),
        }.items():
            more = {} if name == "dispatcher" else {"WORKER_MODULES": "synthesis_worker.tasks"}
            named = environment | more | {"PGAPPNAME": name}
            stack.enter_context(python(*words, log=folder / f"{name}.log", environment=named))
        named = environment | {"PGAPPNAME": "api", "WEB_THREADS": str(WEB_THREADS)}
        server = stack.enter_context(live_server(folder, named))
        wait_until(lambda: speaks(server, token), what="a worker that speaks")
        told = documented()
        for _ in range(ROUNDS):
            load(server, token)
            if all(seen.most[name] >= told[name].kept for name in told):
                break
        return seen.most


def worker(pool: str) -> tuple[str, ...]:
    command = ("-m", "celery", "-A", "config", "worker", "-Q", "cpu", "-n", f"{pool}@here")
    return (*command, "-P", pool, "-c", str(SLOTS), *QUIET)


def speaks(server: Server, token: str) -> bool:
    with server.client(token) as client:
        said: dict[str, Any] = client.post(
            SYNTHESIZE, json={"text": "Ready."}, headers={"Prefer": "wait=10"}
        ).json()
    return said.get("state") == "succeeded"


def load(server: Server, token: str) -> None:
    """Everything that the API does, more of it at once than it has threads."""
    with ThreadPoolExecutor(12) as pool:
        for one in [pool.submit(visit, server, token, number) for number in range(24)]:
            one.result()
    wait_until(lambda: quiet(server, token), what="all that was accepted")


def visit(server: Server, token: str, number: int) -> None:
    text = LONG if number % 4 == 0 else "Short."
    with server.client(token, seconds=90) as client:
        job = client.post(SYNTHESIZE, json={"text": f"Number {uuid4()}. {text}"}).json()
        client.get(f"{JOBS}/{job['id']}")
        with following(client) as stream:
            stream.begin()
        client.get("/metrics")
        client.get("/readyz")


def quiet(server: Server, token: str) -> bool:
    with server.client(token) as client:
        rows = client.get(JOBS, params={"limit": 100}).json()["results"]
    return all(row["state"] == "succeeded" for row in rows)


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_holds_as_many_connections_as_the_table_says(
    most: Counter[str], name: str
) -> None:
    told = documented()[name]
    print(f"{name}: {most[name]}, of {told.kept} kept and {told.moments} for moments")
    assert told.kept <= most[name] <= told.kept + told.moments
