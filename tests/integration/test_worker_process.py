"""Real Celery workers in processes of their own: killed, stopped, frozen. Nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.models import Job, Offer, Worker
from jobs.services.accept import Step
from jobs.services.endings import cancel_job
from jobs.services.filling import fill_queue
from jobs.states import State
from tests.environment import child_environment
from tests.ledger import charges, events, eventually, look, submit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from uuid import UUID

    from tenants.models import Tenant

    Start = Callable[..., "CpuWorker"]

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parent.parent.parent
BACK_TO_WORK = 3 + 10  # the lease and ten seconds


class CpuWorker:
    """A worker of the cpu queue with the slow engine."""

    queue = "cpu"
    work: Mapping[str, str] = {
        "WORKER_MODULES": "synthesis_worker.tasks",
        "ENGINES": "slow=tests.slow_engines:SlowEngine",
    }

    def __init__(self, name: str, pool: str, slots: int, log: Path, **more: str) -> None:
        self.name = f"{name}@here"
        environment = child_environment(**{**self.work, **more})
        command = ("-m", "celery", "-A", "config", "worker", "-Q", self.queue, "-n", self.name)
        pool_options = ("-P", pool, "-c", str(slots), "--loglevel", "WARNING")
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *command, *pool_options, *quiet],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def row(self) -> Worker | None:
        return Worker.objects.filter(name=self.name).first()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """The worker and its pool, at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def start(dispatcher: None, tmp_path: Path) -> Iterator[Start]:
    """Starts workers, and ends what is left of them."""
    started: list[CpuWorker] = []

    def start(name: str, pool: str = "threads", slots: int = 1) -> CpuWorker:
        worker = CpuWorker(name, pool, slots, tmp_path / f"{name}.log")
        started.append(worker)
        eventually(lambda: worker.row, 30)
        return worker

    yield start
    for worker in started:
        if worker.process.poll() is None:
            worker.kill()


def say(tenant: Tenant, text: str) -> UUID:
    """A job as `voices` would submit it, for the slow engine."""
    binding: dict[str, object] = {
        "render": uuid.uuid4().hex,
        "model": "slow",
        "speaker": None,
        "dials": {},
        "seed": 0,
        "substitute": False,
    }
    spoken = {"text": text, "spoken": text, "language": "en", "format": "wav"}
    request = spoken | {"sample_rate": None, "voice": "slow", "revision": "1"}
    plan = [Step("slow", "cpu", binding)]
    return submit(tenant, kind="synthesize", plan=plan, request=request)


def runs_at(job_id: UUID, worker: CpuWorker, seconds: float = 15) -> Job:
    """The job, once this worker has it."""
    rows = Job.objects.filter(id=job_id, state=State.RUNNING, worker=worker.name)
    return eventually(rows.first, seconds)


def ends(job_id: UUID, seconds: float = 30) -> Job:
    return eventually(Job.objects.filter(id=job_id, ended_at__isnull=False).first, seconds)


def assert_done_once(job_id: UUID) -> None:
    assert look(job_id).state == State.SUCCEEDED, look(job_id).error_message
    told = [name for _, name in events(job_id) if name != "job.progress"]
    assert (told, charges(job_id)) == (["job.succeeded"], 1)


def test_a_killed_worker_loses_nothing(start: Start, tenant: Tenant) -> None:
    doomed, heir = start("doomed"), start("heir")
    jobs = [say(tenant, "nap 3") for _ in range(4)]
    running = eventually(Job.objects.filter(state="running", worker=doomed.name).first, 15)
    doomed.kill()
    killed_at = time.monotonic()
    runs_at(running.id, heir, BACK_TO_WORK)
    assert time.monotonic() - killed_at < BACK_TO_WORK
    for job_id in jobs:
        ends(job_id)
        assert_done_once(job_id)
    assert (look(running.id).lost_leases, look(running.id).attempt) == (1, 2)


def test_a_dead_workers_slots_vanish(start: Start, tenant: Tenant) -> None:
    worker = start("doomed", slots=2)
    worker.kill()
    assert worker.row is not None
    eventually(lambda: not fill_queue("cpu").more, 1)
    time.sleep(6.5)
    job_id = say(tenant, "nap 0.1")
    time.sleep(1.5)
    assert look(job_id).state == State.QUEUED
    start("heir")
    ends(job_id)
    assert_done_once(job_id)


def test_a_killed_pool_child_loses_nothing(start: Start, tenant: Tenant) -> None:
    worker = start("forks", pool="prefork")
    job_id = say(tenant, "nap 2")
    runs_at(job_id, worker)
    for child in worker.children():
        os.kill(child, signal.SIGKILL)
    ends(job_id)
    assert_done_once(job_id)
    assert (look(job_id).lost_leases, look(job_id).attempt) == (1, 2)
    assert worker.process.poll() is None


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_worker_told_to_stop_hands_its_job_back(start: Start, tenant: Tenant, pool: str) -> None:
    workers = {worker.name: worker for worker in (start("one", pool), start("two", pool))}
    job_id = say(tenant, "nap 8")
    left = eventually(Job.objects.filter(id=job_id, state=State.RUNNING).first)
    leaving = workers.pop(left.worker)
    (heir,) = workers.values()
    leaving.send(signal.SIGTERM)
    row = runs_at(job_id, heir, 8)
    assert (row.attempt, row.failures, row.lost_leases) == (left.attempt, 0, 0)
    assert [note["code"] for note in row.trail] == ["drained"]
    assert leaving.process.wait(15) == 0
    assert leaving.row is None
    ends(job_id)
    assert_done_once(job_id)


def test_a_frozen_worker_that_wakes_too_late_changes_nothing(start: Start, tenant: Tenant) -> None:
    frozen = start("frozen")
    job_id = say(tenant, "stuck 2")
    runs_at(job_id, frozen)
    frozen.send(signal.SIGSTOP)
    heir = start("heir")
    runs_at(job_id, heir, BACK_TO_WORK)
    ends(job_id)
    assert_done_once(job_id)
    before = Job.objects.filter(id=job_id).values().get()
    frozen.send(signal.SIGCONT)
    time.sleep(4)  # its engine has spoken, and it has tried to finish
    assert Job.objects.filter(id=job_id).values().get() == before
    assert (before["worker"], before["fence"]) == (heir.name, 2)
    assert_done_once(job_id)
    again = say(tenant, "nap 0.1")
    ends(again)
    assert_done_once(again)


def test_a_running_job_is_cancelled_within_two_seconds(start: Start, tenant: Tenant) -> None:
    worker = start("cancels")
    job_id = say(tenant, "nap 20")
    runs_at(job_id, worker)
    asked_at = time.monotonic()
    cancel_job(tenant_id=tenant.id, job_id=job_id)
    assert ends(job_id, 3).state == State.CANCELLED
    assert time.monotonic() - asked_at < 2
    assert charges(job_id) == 0


def test_a_worker_announces_itself_beats_and_leaves(start: Start) -> None:
    worker = start("present", slots=3)
    row = worker.row
    assert row is not None
    assert (row.queue_id, row.slots, row.pid) == ("cpu", 3, worker.process.pid)
    assert row.engines == ["slow"]
    offer = Offer.objects.get(engine="slow", queue="cpu")
    assert offer.capabilities["languages"] == ["en"]
    later = eventually(Worker.objects.filter(heartbeat_at__gt=row.heartbeat_at).first, 5)
    assert later.started_at == row.started_at
    assert later.memory_mb > 10
    Worker.objects.all().delete()  # the ledger forgets; the worker says it again
    eventually(lambda: worker.row, 5)
    worker.send(signal.SIGTERM)
    assert worker.process.wait(15) == 0
    assert worker.row is None
    assert Offer.objects.filter(engine="slow").exists()
