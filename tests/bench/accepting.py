"""Accepting jobs over HTTP: one by one beside the classic view, and a thousand at once."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from redis import Redis

from fleet.client import Client
from fleet.program import Program
from fleet.run import open_port
from fleet.services import OWNER
from tests.bench.burst import CONNECTIONS, Burst
from tests.bench.figures import Figure, compare
from tests.bench.http_load import Load
from tests.bench.mill import Mill, Site, open_site
from tests.bench.noop import PEERS, classic_environment, migrate
from tests.bench.on_demand import ROOT
from tests.bench.rounds import Arm, take_turns
from tests.bench.texts import Texts
from tests.bench.venvs import peer_python

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = "/api/v1/jobs/synthesize"
CHARACTERS = 80
AT_ONCE = 1000
GUNICORN, UVICORN = "DRF + on_commit(delay), gunicorn gthread", "DRF + on_commit(delay), uvicorn"


def measure(*, quick: bool) -> list[Figure]:
    """The servers are measured with their database and broker; the clients are left out."""
    posts, rounds = (300, 2) if quick else (AT_ONCE, 5)
    with ExitStack() as stack:
        ours = voicemill(stack.enter_context(open_site("accept")))
        peers = {
            GUNICORN: classic(stack.enter_context(open_site("gunicorn")), serve_by_gunicorn),
            UVICORN: classic(stack.enter_context(open_site("uvicorn")), serve_by_uvicorn),
        }
        single = ours.single("Voicemill", posts)
        theirs = [server.single(name, posts) for name, server in peers.items()]
        loop = ours.arm("Voicemill, one after the other", partial(ours.post_in_turn, posts))
        bulk = ours.arm("Voicemill, 1,000 in one request", ours.post_bulk)
        take_turns([single, *theirs, loop, bulk], rounds)
    best = min(theirs, key=lambda arm: arm.median)
    return [
        compare(
            f"accept a job over HTTP, {CONNECTIONS} at a time",
            single.median,
            best.median,
            f"{best.name}; no worker runs",
            unit="CPU ms",
            at_most=0.33,
        ),
        compare(
            "accept by bulk of 1,000",
            1000 / bulk.median,
            1000 / loop.median,
            "a loop of POSTs, one after the other",
            unit="jobs per CPU second",
            at_least=30,
        ),
    ]


class Server:
    """An API under load, and the bells it must leave with the broker."""

    def __init__(self, site: Site, url: str, key: str, queue: str, tables: str) -> None:
        self.site, self.queue, self.tables = site, queue, tables
        self.burst, self.load = Burst(url, PATH, key), Load(url, key)
        self.texts = Texts()
        self.broker = Redis.from_url(site.services.redis.url)

    def arm(self, name: str, send: Callable[[], int]) -> Arm:
        def turn() -> float:
            sent = send()
            until_true(lambda: self.broker.llen(self.queue) == sent)
            return sent

        return Arm(name, turn, self.site.pids, before=self.empty)

    def single(self, name: str, posts: int) -> Arm:
        return self.arm(name, partial(self.post_each, posts))

    def post_each(self, posts: int) -> int:
        self.burst.post(self._bodies(posts))
        return posts

    def post_in_turn(self, posts: int) -> int:
        for body in self._bodies(posts):
            self.load.post(PATH, body)
        return posts

    def post_bulk(self) -> int:
        self.load.post("/api/v1/jobs/bulk", {"items": self._bodies(AT_ONCE)})
        return AT_ONCE

    def _bodies(self, count: int) -> list[dict[str, str]]:
        return [{"text": text} for text in self.texts.several(count, CHARACTERS)]

    def empty(self) -> None:
        """Each turn begins with empty tables and an empty broker."""
        self.site.services.postgres.query(f"TRUNCATE {self.tables} CASCADE", OWNER)
        self.broker.delete(self.queue)


def voicemill(site: Site) -> Server:
    """With the dispatcher, which rings the bells, and a worker that only seems to be there."""
    mill = Mill(site, WORKER_ALIVE_SECONDS="100000", RING_AGAIN_SECONDS="100000")
    mill.python("tests.bench.stand_in")
    mill.start_dispatcher()
    mill.start_api()
    return Server(site, mill.url, mill.tenants["first"]["key"], "cpu", "jobs_job, voices_render")


def classic(site: Site, start: Callable[[Site], str]) -> Server:
    migrate(peer_python("classic"), classic_environment(site))
    return Server(site, start(site), "", "celery", "classic_job")


def serve_by_gunicorn(site: Site) -> str:
    with open_port(None) as listener:
        port = listener.getsockname()[1]
    how = ("-k", "gthread", "--threads", "8", "--keep-alive", "60", "-b", f"127.0.0.1:{port}")
    return serve(site, port, "gunicorn", f"{PEERS}.classic.wsgi", *how)


def serve_by_uvicorn(site: Site) -> str:
    with open_port(None) as listener:
        port = listener.getsockname()[1]
    how = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--port", str(port))
    return serve(site, port, "uvicorn", f"{PEERS}.classic.asgi:app", *how)


def serve(site: Site, port: int, module: str, *arguments: str) -> str:
    url = f"http://127.0.0.1:{port}"
    command = (peer_python("classic"), "-m", module, *arguments)
    ready = Client(url, "").is_healthy
    site.start(Program("api", command, classic_environment(site), ROOT, ready=ready))
    return url


def until_true(condition: Callable[[], bool], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("what was sent did not all arrive")
        time.sleep(0.05)
