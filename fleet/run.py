"""`make run`: all of Voicemill on this machine, from PostgreSQL to a first sentence."""

import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from fleet.client import Client, speak
from fleet.errors import FleetError
from fleet.flower import Flower
from fleet.home import Embedded, Home
from fleet.processes import sweep
from fleet.program import Program
from fleet.services import Services
from fleet.supervisor import Supervisor, Tier

PREFERRED_PORT = 8000
BACKLOG = 2048
DRAIN_GRACE = 30.0  # longer than a worker takes to end or hand back what it does
OPEN_FILES = 65_536
KNOWN_KEY, KNOWN_PASSWORD = "BOOTSTRAP_API_KEY", "BOOTSTRAP_ADMIN_PASSWORD"
FIRST_SENTENCE = "Voicemill is up, and this is its first sentence."

Work = Callable[["Fleet"], int | None]


def tell(line: str) -> None:
    print(line, flush=True)


class Fleet:
    """Everything of one clone, in this process while `run` lasts."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.services = Services.under(home.var, home.root)
        last = home.read_embedded()
        self.flower = Flower.on_free_port(last.flower_password if last else "")
        self.embedded: Embedded | None = None

    def run(self, work: Work) -> int:
        """Start, do `work`, and stay if it gives no exit code. Raises when it cannot come up."""
        with self.home.lock():
            self.home.forget_pids()
            for process in sweep(self.home.pid_file, self.home.mark):
                tell(f"cleared away {process.name} (pid {process.pid}), left by an earlier run")
            return asyncio.run(self._serve(work))

    async def _serve(self, work: Work) -> int:
        # Closed before the loop ends: a request that still waits is refused then, and not kept.
        with open_port(os.environ.get("PORT")) as listener:
            try:
                return await self._supervisor(listener).run(lambda: work(self))
            finally:
                self._note_pids({})

    def _supervisor(self, listener: socket.socket) -> Supervisor:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        environment = self._environment(url)
        services = (self.services.postgres.program(), self.services.redis.program())
        flower = self.flower.program(self.home.root, environment)
        return Supervisor(
            [
                Tier(services, after=lambda: self._bootstrap(environment, url)),
                Tier((*product(self.home.root, environment, listener, url), flower)),
            ],
            logs=self.home.logs,
            pid_file=self.home.pid_file,
            report=tell,
            on_start=self._note_pids,
        )

    def _environment(self, url: str) -> dict[str, str]:
        name, _, value = self.home.mark.partition("=")
        return {
            **os.environ,
            name: value,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": self.services.postgres.url,
            "REDIS_URL": self.services.redis.url,
            "SECRET_KEY": self.home.secret_key(),
            "AUDIO_FOLDER": str(self.home.var / "audio"),
            "MODELS_DIR": str(self.home.var / "models"),
            "PUBLIC_URL": url,
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
        }

    def _bootstrap(self, environment: Mapping[str, str], url: str) -> None:
        """The database, its tables, and somebody to come in as: the one of last time if any."""
        self.services.postgres.create_database()
        told = bootstrap(self.home, environment, self.home.read_embedded())
        self.embedded = Embedded(
            url=url,
            admin_url=f"{url}/admin/",
            admin_user=told["admin_user"],
            admin_password=told["admin_password"],
            api_key=told["api_key"],
            tenant=told["tenant"],
            flower_url=self.flower.url,
            flower_user=self.flower.user,
            flower_password=self.flower.password,
        )

    def _note_pids(self, pids: Mapping[str, int]) -> None:
        if self.embedded:
            self.embedded = replace(self.embedded, pids=dict(pids))
            self.home.write_embedded(self.embedded)


def bootstrap(home: Home, environment: Mapping[str, str], last: Embedded | None) -> dict[str, str]:
    """Run `manage.py bootstrap`; its last line holds tenant, key and password.

    Those of last time go by its environment: anybody on the machine can read a command line.
    """
    known = {KNOWN_KEY: last.api_key, KNOWN_PASSWORD: last.admin_password} if last else {}
    log = home.logs / "bootstrap.log"
    with log.open("wb") as errors:
        done = subprocess.run(
            [sys.executable, "manage.py", "bootstrap"],
            cwd=home.root,
            env={**environment, **known},
            stdout=subprocess.PIPE,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            timeout=300,
            check=False,
        )
    if done.returncode:
        raise FleetError("bootstrap", f"manage.py bootstrap failed:\n{log.read_text()[-2000:]}")
    told: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return told


def product(
    root: Path, environment: Mapping[str, str], listener: socket.socket, url: str
) -> list[Program]:
    """Voicemill's own processes: dispatcher, API, media worker, CPU worker."""
    cores = str(len(os.sched_getaffinity(0)))
    work = {**environment, "WORKER_MODULES": "synthesis_worker.tasks"}
    speaking = {**work, "ENGINES": "espeak,piper"}
    return [
        Program("dispatcher", python("manage.py", "dispatch"), {**environment, "WEB": "off"}, root),
        api(root, environment, listener, url),
        worker("media", ("-P", "prefork", "-c", "1"), {**work, "ENGINES": ""}, root),
        worker("cpu", ("-P", "threads", "-c", cores), speaking, root),
    ]


def python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)


def worker(
    queue: str, pool: tuple[str, ...], environment: Mapping[str, str], root: Path
) -> Program:
    """A Celery worker of one queue. Its heartbeat is for Flower: the ledger has one of its own."""
    beat = ("--heartbeat-interval", "10")
    quiet = ("--without-gossip", "--without-mingle", *beat, "--loglevel", "WARNING")
    name = ("-Q", queue, "-n", f"{queue}@%h")
    command = python("-m", "celery", "-A", "config", "worker", *name, *pool, *quiet)
    return Program(queue, command, environment, root, grace=DRAIN_GRACE)


def api(root: Path, environment: Mapping[str, str], listener: socket.socket, url: str) -> Program:
    """The API on a socket that outlives it: while it restarts, clients wait and are not refused."""
    handed = ("--fd", str(listener.fileno()), "--loop", "uvloop", "--http", "httptools")
    quiet = ("--no-access-log", "--timeout-graceful-shutdown", "5")
    return Program(
        name="api",
        command=python("-m", "uvicorn", "config.asgi:app", *handed, *quiet),
        environment=environment,
        folder=root,
        keep_fds=(listener.fileno(),),
        ready=Client(url, "").is_healthy,
    )


def open_port(asked: str | None) -> socket.socket:
    """Listen on PORT, which must be free; without it on 8000 if that is free, else on any."""
    for port in (asked,) if asked else (PREFERRED_PORT, 0):
        try:
            return socket.create_server(("127.0.0.1", int(port)), backlog=BACKLOG)
        except (OSError, ValueError, OverflowError):
            continue
    raise FleetError("port", f"port {asked} is in use or not for us: name a free one by PORT=")


def first_sentence(fleet: Fleet) -> None:
    """Prove the whole path, then say where everything is."""
    embedded = fleet.embedded
    assert embedded is not None  # noqa: S101 - bootstrap has run by now
    out = fleet.home.var / "first-sentence.wav"
    speak(Client(embedded.url, embedded.api_key), FIRST_SENTENCE, out, seconds=60, patience=60)
    started = float(os.environ.get("VOICEMILL_STARTED", time.time()))
    tell(f"first sound after {time.time() - started:.1f} s: {out.relative_to(fleet.home.root)}")
    tell(
        f"  API    {embedded.url}  (key in {fleet.home.embedded_file.relative_to(fleet.home.root)})"
    )
    tell(f"  docs   {embedded.url}/api/docs")
    tell(f"  admin  {embedded.admin_url}  ({embedded.admin_user} / {embedded.admin_password})")
    tell(f"  flower {embedded.flower_url}  ({embedded.flower_user} / {embedded.flower_password})")
    tell('  try    make say TEXT="Hello"        stop with Ctrl-C')


def raise_file_limit() -> None:
    """A thousand waiting clients are a thousand open files, and many shells allow 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def main() -> int:
    raise_file_limit()
    try:
        return Fleet(Home()).run(first_sentence)
    except FleetError as error:
        print(f"voicemill: {error} [{error.code}]", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
