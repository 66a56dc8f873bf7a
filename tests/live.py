"""Live processes for tests: the API under uvicorn, and a whole stack with servers of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import httpx

from fleet.scratch import scratch_services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fleet.services import Services

ROOT = Path(__file__).parent.parent
SECONDS_TO_START = 90
WORKER = ("-m", "celery", "-A", "config", "worker", "-Q", "cpu", "-n", "cpu@own", "-P", "solo")
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING")


@dataclass(frozen=True, slots=True)
class Server:
    """An API that answers at `url`."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def client(self, token: str = "", *, seconds: float = 30) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=seconds)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextmanager
def live_server(
    folder: Path, environment: Mapping[str, str], *, code: Path = ROOT
) -> Iterator[Server]:
    """The API on a free port of this machine, gone at the end."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = ("-m", "uvicorn", "config.asgi:app", "--fd", str(listener.fileno()))
        fast = ("--loop", "uvloop", "--http", "httptools", "--no-access-log")
        settings = {**environment, "PUBLIC_URL": url}
        log = folder / "api.log"
        keep = (listener.fileno(),)
        said = (*command, *fast)
        with python(*said, log=log, environment=settings, keep=keep, code=code) as process:
            server = Server(url, process, log)
            wait_until(lambda: _is_healthy(server), what=f"a healthy API, see {log}")
            yield server


@contextmanager
def python(
    *arguments: str,
    log: Path,
    environment: Mapping[str, str],
    keep: tuple[int, ...] = (),
    code: Path = ROOT,
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process of the product, killed at the end whatever happens."""
    with log.open("ab") as output:
        process = start(arguments, output, environment, keep, code)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def start(
    arguments: tuple[str, ...],
    log: IO[bytes],
    environment: Mapping[str, str],
    keep: tuple[int, ...],
    code: Path,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=code,
        env=environment,
        stdout=log,
        stderr=log,
        pass_fds=keep,
    )


def _is_healthy(server: Server) -> bool:
    if server.process.poll() is not None:
        raise RuntimeError(server.log.read_text()[-2000:])
    try:
        return httpx.get(f"{server.url}/healthz", timeout=5).is_success
    except httpx.HTTPError:
        return False


def wait_until(
    true: Callable[[], bool], *, seconds: float = SECONDS_TO_START, what: str = "it"
) -> None:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise AssertionError(f"waited {seconds} seconds for {what}")
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Stack:
    """PostgreSQL, Redis, API, dispatcher and a CPU worker that tests may break."""

    services: Services
    server: Server
    token: str
    environment: Mapping[str, str]
    dispatcher: subprocess.Popen[bytes]
    worker: subprocess.Popen[bytes]
    cleanup: ExitStack

    def client(self, *, seconds: float = 30) -> httpx.Client:
        return self.server.client(self.token, seconds=seconds)


@contextmanager
def own_stack(folder: Path, **changed: str) -> Iterator[Stack]:
    """A stack over servers of its own that keep what they committed. It speaks once it is given."""
    with scratch_services(folder, durable=True) as services:
        token = bootstrap(environment_of(services, folder, **changed))
        with stack_on(services, folder, token, **changed) as whole:
            yield whole


def environment_of(services: Services, folder: Path, **changed: str) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": services.postgres.url,
        "REDIS_URL": services.redis.url,
        "AUDIO_FOLDER": str(folder / "audio"),
        **changed,
    }


@contextmanager
def stack_on(services: Services, folder: Path, token: str, **changed: str) -> Iterator[Stack]:
    """A stack over servers that somebody has prepared, and to whose ledger the key belongs."""
    environment = environment_of(services, folder, **changed)
    work = environment | {"WORKER_MODULES": "synthesis_worker.tasks"}
    with ExitStack() as stack:
        log = folder / "dispatch.log"
        dispatch = python("manage.py", "dispatch", log=log, environment=environment)
        dispatcher = stack.enter_context(dispatch)
        log = folder / "cpu.log"
        worker = stack.enter_context(python(*WORKER, *QUIET, log=log, environment=work))
        server = stack.enter_context(live_server(folder, environment))
        whole = Stack(services, server, token, environment, dispatcher, worker, stack)
        wait_until(lambda: _speaks(whole), what="a worker that speaks")
        yield whole


def bootstrap(environment: Mapping[str, str], *, code: Path = ROOT) -> str:
    """The tables, and a key."""
    done = subprocess.run(
        [sys.executable, "manage.py", "bootstrap"],
        cwd=code,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
    )
    return str(json.loads(done.stdout.splitlines()[-1])["api_key"])


def _speaks(stack: Stack) -> bool:
    with stack.client() as client:
        prefer = {"Prefer": "wait=10"}
        done = client.post("/api/v1/jobs/synthesize", json={"text": "Ready."}, headers=prefer)
    return bool(done.is_success and done.json()["state"] == "succeeded")
