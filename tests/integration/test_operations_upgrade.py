"""Upgrades as docs/operations.md tells them: the code of before and that of now, side by side."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tarfile
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from fleet.scratch import scratch_services
from fleet.services import OWNER
from tests.live import (
    QUIET,
    ROOT,
    WORKER,
    Server,
    bootstrap,
    environment_of,
    live_server,
    python,
    wait_until,
)
from tests.speech import BULK, JOBS, SYNTHESIZE
from tests.tools import not_here

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fleet.services import Services

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

GIT = shutil.which("git")
NO_LATER = 20  # seconds: who waits looks at the ledger each 15, whatever hints it understands
WORKED = "SELECT DISTINCT worker FROM jobs_job WHERE state = 'succeeded' ORDER BY 1"
MIGRATE = ("manage.py", "migrate", "--verbosity", "0")


def git(*words: str) -> str | None:
    if GIT is None:
        return None
    done = subprocess.run([GIT, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def commit_of_before() -> str | None:
    """The last one whose code knows nothing of the newest migration."""
    newest = git("log", "-1", "--format=%H", "--diff-filter=A", "--", "*/migrations/0*.py")
    return git("rev-parse", "--verify", "--quiet", f"{newest}^") if newest else None


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code as it was."""
    if (commit := commit_of_before()) is None:
        not_here("this clone has no commit from before the newest migration: fetch its history")
    folder = tmp_path_factory.mktemp("before")
    packed = folder / "code.tar"
    assert git("archive", "--output", str(packed), commit) is not None
    with tarfile.open(packed) as code:
        code.extractall(folder, filter="data")
    return folder


@dataclass
class Ground:
    """Servers with an empty ledger, and processes of either code on them."""

    services: Services
    folder: Path
    stack: ExitStack
    token: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """Engines of the product alone: of the tests' own, the code of before knows not all."""
        return environment_of(self.services, self.folder, ENGINES="espeak,piper")

    def dispatch(self, code: Path) -> subprocess.Popen[bytes]:
        return self._start("manage.py", "dispatch", code=code)

    def work(self, code: Path, name: str) -> subprocess.Popen[bytes]:
        words = (word.replace("cpu@own", name) for word in WORKER)
        return self._start(*words, *QUIET, code=code, WORKER_MODULES="synthesis_worker.tasks")

    def serve(self, code: Path) -> Server:
        """Each one on a port of its own."""
        return self.stack.enter_context(live_server(self.folder, self.environment, code=code))

    def migrate(self) -> None:
        run = [sys.executable, *MIGRATE]
        subprocess.run(run, cwd=ROOT, env=self.environment, check=True, timeout=120)

    @property
    def log(self) -> Path:
        return self.folder / "processes.log"

    def _start(self, *words: str, code: Path, **more: str) -> subprocess.Popen[bytes]:
        environment = self.environment | more
        started = python(*words, log=self.log, environment=environment, code=code)
        return self.stack.enter_context(started)

    def come_up(self, server: Server) -> None:
        """Until a worker has said what its engines can do, and speaks."""
        wait_until(
            lambda: self.say(server).get("state") == "succeeded", what="a worker that speaks"
        )

    def speaks(self, server: Server) -> None:
        """At once, and its audio is there."""
        said = self.say(server)
        assert said.get("state") == "succeeded", said
        with server.client(self.token) as client:
            audio = client.get(f"{JOBS}/{said['id']}/audio", follow_redirects=True)
        assert audio.status_code == 200

    def say(self, server: Server) -> dict[str, Any]:
        """The job of a text that nobody asked for before, or what was said instead."""
        prefer = {"Prefer": f"wait={NO_LATER}"}
        with server.client(self.token, seconds=60) as client:
            text = {"text": f"Number {uuid4()}."}
            said: dict[str, Any] = client.post(SYNTHESIZE, json=text, headers=prefer).json()
        return said

    def workers(self) -> list[str]:
        return self.services.postgres.query(WORKED, OWNER).split()

    def has_spoken_by(self, worker: str, server: Server) -> bool:
        """One sentence more; it is chance who hears the bell."""
        self.speaks(server)
        return worker in self.workers()


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with ExitStack() as stack:
        services = stack.enter_context(scratch_services(tmp_path))
        yield Ground(services, tmp_path, stack)


def test_a_fleet_is_replaced_piece_by_piece_and_speaks_all_the_while(
    ground: Ground, before: Path
) -> None:
    """Migrate; then dispatcher, API and workers, in each step beside what is left of before."""
    ground.token = bootstrap(ground.environment, code=before)
    old_api, old_dispatcher = ground.serve(before), ground.dispatch(before)
    old_worker = ground.work(before, "cpu@old")
    ground.come_up(old_api)
    ground.migrate()
    ground.speaks(old_api)  # which is also what a rollback comes back to
    ground.dispatch(ROOT)
    stop(old_dispatcher)
    ground.speaks(old_api)
    api = ground.serve(ROOT)
    ground.speaks(api)
    assert ground.workers() == ["cpu@old"]
    ground.work(ROOT, "cpu@new")
    wait_until(lambda: ground.has_spoken_by("cpu@new", api), what="a job of the new worker")
    jobs = flood(api, ground.token, 60)
    stop(old_worker)
    wait_until(lambda: ended(api, ground.token, jobs), what="all that was accepted")
    assert states(api, ground.token, jobs) == {"succeeded"}
    ground.speaks(api)
    ground.speaks(old_api)


def test_code_that_is_ahead_of_the_ledger_says_so_and_waits(ground: Ground, before: Path) -> None:
    ground.token = bootstrap(ground.environment, code=before)
    api, dispatcher, worker = ground.serve(ROOT), ground.dispatch(ROOT), ground.work(ROOT, "cpu@x")
    wait_until(lambda: ground.log.read_text().count("run `manage.py migrate` first") >= 2)
    ready = httpx.get(f"{api.url}/readyz", timeout=30)
    assert (ready.status_code, ready.json()["database"]) == (503, "behind")
    assert (dispatcher.poll(), worker.poll()) == (None, None)
    ground.migrate()
    wait_until(lambda: httpx.get(f"{api.url}/readyz", timeout=30).status_code == 200)
    ground.come_up(api)


def stop(process: subprocess.Popen[bytes]) -> None:
    """As a deploy does: with patience."""
    process.send_signal(signal.SIGTERM)
    process.wait(60)


def flood(server: Server, token: str, count: int) -> str:
    """A batch of texts that nobody asked for before."""
    items = [{"text": f"Number {number}, {uuid4()}."} for number in range(count)]
    with server.client(token) as client:
        return str(client.post(BULK, json={"items": items}).json()["batch_id"])


def ended(server: Server, token: str, batch: str) -> bool:
    return states(server, token, batch) <= {"succeeded", "failed", "cancelled", "expired"}


def states(server: Server, token: str, batch: str) -> set[str]:
    with server.client(token) as client:
        rows = client.get(JOBS, params={"batch": batch, "limit": 200}).json()["results"]
    return {row["state"] for row in rows}
