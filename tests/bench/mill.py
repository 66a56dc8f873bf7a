"""A Voicemill for one comparison: durable servers of its own, and the processes asked for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from redis import Redis

from fleet import run
from fleet.program import Program
from fleet.scratch import running
from fleet.services import OWNER, Services
from tests.bench.on_demand import ROOT, OnDemand, on_demand
from tests.bench.venvs import HOME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READY = "voicemill:ready"  # the dispatcher listens to it once it has looked at everything
CORES = len(os.sched_getaffinity(0))


@dataclass
class Site:
    """Servers and processes of one arm, by name. All end when the comparison does."""

    folder: Path
    stack: ExitStack
    services: Services
    pids: dict[str, int] = field(default_factory=dict)
    starts: dict[str, float] = field(default_factory=dict)  # seconds until each was up

    def start(self, program: Program) -> int:
        program.prepare()  # the first time it makes PostgreSQL's files, which is no part of a start
        log, started = self.folder / f"{program.name}.log", time.monotonic()
        process = self.stack.enter_context(running(program, log))
        self.starts[program.name] = time.monotonic() - started
        self.pids[program.name] = process.pid
        return process.pid

    def client(self, module: str, environment: dict[str, str], python: str) -> OnDemand:
        """A process that works on demand."""
        given = self.stack.enter_context(on_demand((python, "-m", module), environment))
        self.pids["client"] = given.pid
        return given


@contextmanager
def open_site(name: str) -> Iterator[Site]:
    """PostgreSQL (fsync and synchronous_commit on) and Redis, in a folder of their own."""
    folder = HOME / "run" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    services = Services.under(folder, folder)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, services.redis.sockets, ignore_errors=True)
        site = Site(folder, stack, services)
        site.start(services.postgres.program())
        site.start(services.redis.program())
        services.postgres.create_database()
        assert services.postgres.query("SHOW fsync; SHOW synchronous_commit").split() == ["on"] * 2
        yield site


class Mill:
    """Voicemill's own processes at a site."""

    def __init__(self, site: Site, **environment: str) -> None:
        self.site = site
        self.url = ""
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": site.services.postgres.url,
            "REDIS_URL": site.services.redis.url,
            "SECRET_KEY": "only-for-measurements-and-long-enough-to-please-every-check",
            "AUDIO_FOLDER": str(site.folder / "audio"),
            "MODELS_DIR": str(HOME / "voices"),
            "EXTRA_QUEUES": "bench=tests.bench.worker",
            "LOG_LEVEL": "WARNING",
            **environment,
        }
        self.tenants: dict[str, dict[str, str]] = json.loads(self.python("tests.bench.prepare"))

    def python(self, module: str, *arguments: str) -> str:
        """What a module of ours prints."""
        command = [sys.executable, "-m", module, *arguments]
        done = subprocess.run(
            command, env=self.environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    def start_dispatcher(self) -> None:
        command = run.python("manage.py", "dispatch")
        broker = Redis.from_url(self.environment["REDIS_URL"])
        self.site.start(
            Program(
                "dispatcher",
                command,
                self.environment | {"WEB": "off"},
                ROOT,
                ready=lambda: broker.pubsub_numsub(READY)[0][1] > 0,
            )
        )

    def start_api(self) -> None:
        listener = self.site.stack.enter_context(run.open_port(None))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.site.start(run.api(ROOT, self.environment, listener, self.url))

    def start_worker(self, queue: str, module: str, threads: int = CORES) -> None:
        environment = {**self.environment, "WORKER_MODULES": module}
        pool = ("-P", "threads", "-c", str(threads))
        awake = f"SELECT count(*) FROM jobs_worker WHERE queue_id = '{queue}'"  # noqa: S608 - ours
        database = self.site.services.postgres
        program = replace(
            run.worker(queue, pool, environment, ROOT),
            ready=lambda: database.query(awake, OWNER).strip() == "1",
        )
        self.site.start(program)

    def client(self, module: str, **environment: str) -> OnDemand:
        tenants = {slug.upper(): tenant["id"] for slug, tenant in self.tenants.items()}
        return self.site.client(module, self.environment | tenants | environment, sys.executable)
