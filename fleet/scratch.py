"""Programs and services without a supervisor, for tests: up when entered, gone when left."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fleet.errors import FleetError
from fleet.processes import kill_group
from fleet.program import Program, launch
from fleet.services import Services


@contextmanager
def scratch_services(folder: Path, *, durable: bool = False) -> Iterator[Services]:
    """A test's servers: data in `folder`, a database `voicemill`, all gone when left."""
    services = Services.under(folder, folder, durable=durable)
    postgres, redis = services.postgres.program(), services.redis.program()
    try:
        with running(postgres, folder / "postgres.log"), running(redis, folder / "redis.log"):
            services.postgres.create_database()
            yield services
    finally:
        services.postgres.clear_leftovers()
        shutil.rmtree(services.redis.sockets, ignore_errors=True)


@contextmanager
def running(program: Program, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One program: ready when entered, gone with its whole group when left."""
    program.prepare()
    with log.open("ab") as output:
        process = launch(program, output)
    try:
        wait_until_ready(program, process, log)
        yield process
    finally:
        end(program, process)


def wait_until_ready(program: Program, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once it is up. Raises when it died, or is not up within its time."""
    until = time.monotonic() + program.ready_seconds
    while not program.ready():
        if process.poll() is not None or time.monotonic() > until:
            tail = log.read_text(errors="replace")[-2000:]
            raise FleetError("not_ready", f"{program.name} did not come up: see {log}\n{tail}")
        time.sleep(0.02)


def end(program: Program, process: subprocess.Popen[bytes]) -> None:
    """Ask it to stop, and kill its whole group once its grace is over."""
    if process.poll() is None:
        process.send_signal(program.stop)
        with suppress(subprocess.TimeoutExpired):
            process.wait(program.grace)
    if process.poll() is None:
        kill_group(process.pid)
        process.wait()
