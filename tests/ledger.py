"""Jobs for the ledger's tests: made, claimed, lost, and looked at from outside."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connection, connections

from jobs.models import Event, Job, Usage, Worker
from jobs.services.accept import NewJob, Step, submit_job
from jobs.services.claims import Charge, ClaimedJob, Failure, claim_job, finish_job
from jobs.services.housekeeping import reap_lost_leases
from jobs.services.workers import Announcement, announce_worker, ensure_queues
from jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from tenants.models import Tenant

T = TypeVar("T")
CPU = Step("echo", "cpu")
NET = Step("cloud", "net")
CHARGE = Charge(voice="ember", provider="echo", characters=5, audio_seconds=0.5)
HOUR = timedelta(hours=1)


PASSING = Failure("engine_busy", "The engine could not.", permanent=False)
PERMANENT = Failure("unsupported", "The engine never can.", permanent=True)


def new_job(tenant: Tenant, **changes: Any) -> NewJob:
    """A job as some app would submit it, with its queues there."""
    ensure_queues(["cpu", "net"])
    fields: dict[str, Any] = {"tenant_id": tenant.id, "kind": "nap", "plan": [CPU]} | changes
    return NewJob(**fields)


def submit(tenant: Tenant, **changes: Any) -> UUID:
    return submit_job(new_job(tenant, **changes)).id


def take(job_id: UUID, worker: str = "w1") -> ClaimedJob:
    """Claim a job that must be free."""
    claimed = claim_job(job_id, worker=worker)
    assert claimed is not None, look(job_id).state
    return claimed


def finish(job: ClaimedJob) -> bool:
    return finish_job(job, result={"by": job.fence}, charge=CHARGE)


def look(job_id: UUID) -> Job:
    return Job.objects.get(id=job_id)


def states(*job_ids: UUID) -> list[str]:
    return [look(job_id).state for job_id in job_ids]


def events(job_id: UUID) -> list[tuple[int, str]]:
    return list(Event.objects.filter(job=job_id).order_by("number").values_list("number", "name"))


def charges(job_id: UUID) -> int:
    return Usage.objects.filter(job=job_id).count()


def change(job_id: UUID, **fields: object) -> None:
    """Let time or chance do what a test cannot wait for."""
    assert Job.objects.filter(id=job_id).update(**fields) == 1


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


def lose(job_id: UUID, times: int = 1) -> None:
    """The worker that has it falls silent, again and again."""
    for _ in range(times):
        if look(job_id).state != State.RUNNING:
            take(job_id)
        change(job_id, lease_until=ago(seconds=1))
        reap_lost_leases()


def bring_to(tenant: Tenant, state: State, **changes: Any) -> UUID:
    """A job in this state, by the way it would come there."""
    if state is State.WAITING:
        changes["not_before"] = datetime.now(UTC) + HOUR
    job_id = submit(tenant, **changes)
    match state:
        case State.RUNG:
            change(job_id, state=State.RUNG, rung_at=ago(seconds=0))
        case State.RUNNING:
            take(job_id)
        case State.SUCCEEDED:
            assert finish(take(job_id))
        case State.FAILED | State.CANCELLED | State.EXPIRED:
            from jobs.services.endings import end_job

            assert end_job(job_id, state, code="unsupported" if state is State.FAILED else "")
    assert look(job_id).state == state
    return job_id


def at_once(count: int, action: Callable[[int], T]) -> list[T]:
    """What `count` threads get that do it at the same moment, each on its own connection."""
    ready = Barrier(count)

    def act(number: int) -> T:
        try:
            connection.ensure_connection()
            ready.wait(10)
            return action(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(act, range(count)))


def refusals(deeds: Sequence[Callable[[], object]]) -> list[type[Exception]]:
    """What was raised by deeds that are done at the same moment."""

    def attempt(number: int) -> type[Exception] | None:
        try:
            deeds[number]()
        except Exception as error:  # noqa: BLE001 - its kind is the answer
            return type(error)
        return None

    return [kind for kind in at_once(len(deeds), attempt) if kind]


def someone_waits() -> bool:
    """For a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def eventually(found: Callable[[], T | None], seconds: float = 10.0, pause: float = 0.02) -> T:
    """What `found` gives, as soon as that is true."""
    until = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(pause)
    return result


def a_worker(queue: str = "cpu", slots: int = 1, name: str = "") -> None:
    """A worker's announcement, good for an hour; nobody answers its bells."""
    name = name or f"{queue}@nowhere"
    announce_worker(Announcement(name=name, queue=queue, slots=slots, pid=1))
    Worker.objects.filter(name=name).update(heartbeat_at=datetime.now(UTC) + HOUR)
