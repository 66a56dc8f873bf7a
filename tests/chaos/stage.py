"""The fleet under test: servers, API, dispatchers and workers in a folder, under the supervisor."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg2
import redis

from fleet.processes import Process, all_processes, read_process
from fleet.program import Program
from fleet.run import api, open_port, python
from fleet.services import Services
from fleet.supervisor import Supervisor, Tier
from tests import s3
from tests.chaos.journal import VARIABLE, Journal
from tests.chaos.workload import TENANTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.chaos.clock import Clock

Done = TypeVar("Done")
ROOT = Path(__file__).resolve().parent.parent.parent
LEASE = 3.0
DISPATCHERS = ("dispatcher-a", "dispatcher-b")
THREADED = ("threads-a", "threads-b")
FORKING = "prefork"
NOT_KEPT = ("postgres", "redis", "s3", "audio")
SETTINGS = {
    "SECRET_KEY": "only-for-chaos-and-long-enough-to-please-every-check-of-length",
    "AMQP_URL": "",
    "WORKER_MODULES": "",
    "WEB": "on",
    "ENGINES": "echo=tests.chaos.engine:JournalEngine",
    "LEASE_SECONDS": str(LEASE),
    "DRAIN_SECONDS": "2",
    "RING_AGAIN_SECONDS": "1",
    "WORKER_ALIVE_SECONDS": "6",
    "RETRY_BASE_SECONDS": "0.2",
    # So many workers are killed here that an innocent job may lose three of them.
    "MAX_LOST_LEASES": "100",
    "LOG_LEVEL": "WARNING",
}


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker program: its name, its queue, and Celery's words for its pool."""

    name: str
    queue: str
    pool: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays: workers and what they load besides their tasks, settings, tenants, others."""

    workers: tuple[Worker, ...]
    modules: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    tenants: Mapping[str, float] = field(default_factory=lambda: TENANTS)
    others: Callable[[Path], list[Program]] = lambda _: []  # what stands outside of Voicemill


BROKEN = Cast(
    workers=(
        *(Worker(name, "cpu", ("-P", "threads", "-c", "3")) for name in THREADED),
        Worker(FORKING, "cpu", ("-P", "prefork", "-c", "2")),
    ),
    modules=("tests.chaos.witness",),
)


class Stage:
    """Everything that can be broken, and the journal of what was done."""

    def __init__(self, folder: Path, store: s3.S3Server, cast: Cast, *, fenced: bool) -> None:
        self.folder, self.store, self.cast, self.fenced = folder, store, cast, fenced
        self.services = Services.under(folder, folder)
        self.journal = Journal(folder / "journal")
        self.listener = open_port("0")
        self.port: int = self.listener.getsockname()[1]
        self.tokens: dict[str, str] = {}
        self.supervisor = Supervisor(
            [
                Tier(self._servers(), after=self._prepare),
                Tier([*cast.others(folder), *self._dispatchers(), self._api(), *self._workers()]),
            ],
            logs=folder / "log",
            pid_file=folder / "pids.json",
            report=lambda _: None,
        )

    def process(self, name: str) -> Process | None:
        """The program's living process."""
        pid = self.supervisor.pids().get(name)
        return read_process(pid) if pid else None

    def program(self, name: str) -> Program:
        programs = (one for tier in self.supervisor.tiers for one in tier.programs)
        return next(one for one in programs if one.name == name)

    def children(self, name: str) -> list[Process]:
        """The children of a forking worker."""
        parent = self.process(name)
        return [one for one in all_processes() if parent and one.parent == parent.pid]

    def family(self, name: str) -> list[Process]:
        own = self.process(name)
        return [own, *self.children(name)] if own else []

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database holds, past the product. Raises while it is away."""
        connection = psycopg2.connect(self.services.postgres.url, connect_timeout=3)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall()
        finally:
            connection.close()

    def is_up(self) -> bool:
        """All workers have announced themselves."""
        try:
            return bool(
                self.ask("SELECT count(*) FROM jobs_worker")[0][0] == len(self.cast.workers)
            )
        except psycopg2.Error:
            return False

    def empty_redis(self) -> None:
        with redis.Redis.from_url(self.services.redis.url) as client:
            client.flushall()

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **SETTINGS,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": self.services.postgres.url,
            "REDIS_URL": self.services.redis.url,
            "PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "S3_ENDPOINT": self.store.endpoint,
            "S3_ACCESS_KEY": s3.ACCESS_KEY,
            "S3_SECRET_KEY": s3.SECRET_KEY,
            "S3_BUCKET": s3.BUCKET,
            "S3_REGION": s3.REGION,
            VARIABLE: str(self.journal.path),
            "AUDIO_FOLDER": str(self.folder / "audio"),
            **self.cast.settings,
        }

    def _servers(self) -> list[Program]:
        return [self.services.postgres.program(), self.services.redis.program()]

    def _prepare(self) -> None:
        self.services.postgres.create_database()
        given = [json.dumps(dict(self.cast.tenants)), *([] if self.fenced else ["--unfenced"])]
        with (self.folder / "prepare.log").open("wb") as log:
            told = subprocess.run(
                [*python("-m", "tests.chaos.prepare"), *given],
                cwd=ROOT,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                timeout=120,
                check=True,
            )
        self.tokens = json.loads(told.stdout.splitlines()[-1])

    def _dispatchers(self) -> list[Program]:
        command, environment = python("manage.py", "dispatch"), {**self.environment, "WEB": "off"}
        return [Program(name, command, environment, ROOT) for name in DISPATCHERS]

    def _api(self) -> Program:
        return api(ROOT, self.environment, self.listener, f"http://127.0.0.1:{self.port}")

    def _workers(self) -> list[Program]:
        return [self._worker(one) for one in self.cast.workers]

    def _worker(self, one: Worker) -> Program:
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        told = ("-Q", one.queue, "-n", f"{one.name}@%h", "--loglevel", "WARNING")
        command = python("-m", "celery", "-A", "config", "worker", *told, *one.pool, *quiet)
        modules = [] if self.fenced else ["tests.chaos.unfenced"]
        modules += [*self.cast.modules, "synthesis_worker.tasks"]
        environment = {**self.environment, "WEB": "off", "WORKER_MODULES": ",".join(modules)}
        return Program(one.name, command, environment, ROOT, grace=15.0)


@contextmanager
def set_stage(records: Path, cast: Cast = BROKEN, *, fenced: bool = True) -> Iterator[Stage]:
    """A stage in a folder of its own, gone when left; its logs and journal go to `records`."""
    folder = Path(tempfile.mkdtemp(prefix="vmc-", dir="/tmp"))
    sockets = Services.under(folder, folder).redis.sockets
    try:
        with s3.serve_s3(folder / "s3") as store:
            stage = Stage(folder, store, cast, fenced=fenced)
            with stage.listener:
                yield stage
    finally:
        shutil.rmtree(records, ignore_errors=True)
        shutil.copytree(folder, records, ignore=shutil.ignore_patterns(*NOT_KEPT))
        shutil.rmtree(sockets, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def act(stage: Stage, clock: Clock, work: Callable[[], Done]) -> Done | None:
    """What comes of the work while the stage is up; None where a signal called it off."""
    done: list[Done] = []

    def work_and_leave() -> int:
        done.append(work())
        return 0

    try:
        asyncio.run(stage.supervisor.run(work_and_leave))
    finally:
        clock.called_off.set()
    return done[0] if done else None
