"""The dispatcher at work: bells rung, rung again, and rung whatever goes away and comes back."""

from __future__ import annotations

import base64
import json
import statistics
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, cast

import pytest
from django.core.management import call_command
from django.db import connection, connections

from fleet.processes import kill_group
from fleet.scratch import running
from fleet.services import Services
from jobs.bell import RedisBell, Ring
from jobs.dispatch import Dispatcher, run_sweeps
from jobs.models import Job
from jobs.services.filling import fill_queue
from jobs.states import State
from jobs.wire import redis_client
from tests.conftest import make_tenant
from tests.ledger import PASSING, a_worker, ago, change, eventually, look, submit, take

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from pytest_django import Settings

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)


def bells(queue: str = "cpu") -> list[str]:
    """The ids of the bells that lie in the broker, oldest first."""
    found = cast("list[bytes]", redis_client().lrange(queue, 0, -1))
    bodies = [json.loads(raw)["body"] for raw in reversed(found)]
    return [json.loads(base64.b64decode(body))[0][0] for body in bodies]


def was_rung(job_id: str) -> bool:
    return job_id in bells()


def overdue(job_id: UUID) -> None:
    """It was rung longer ago than a bell should take."""
    change(job_id, state=State.RUNG, rung_at=ago(seconds=2))


def test_a_tick_rings_what_is_ready(tenant: Tenant) -> None:
    a_worker(slots=2)
    jobs = sorted(submit(tenant) for _ in range(3))
    Dispatcher().tick()
    assert sorted(bells()) == [str(job_id) for job_id in jobs]
    assert {job.state for job in Job.objects.all()} == {"rung"}


def test_a_tick_does_what_time_asks_for(tenant: Tenant) -> None:
    a_worker(slots=10)
    late, due, suspect = submit(tenant), submit(tenant), submit(tenant)
    change(late, deadline=ago(seconds=1))
    from jobs.services.claims import fail_step

    assert fail_step(take(due), PASSING)
    change(due, not_before=ago(seconds=1))
    change(suspect, lost_leases=2)
    Dispatcher().tick()
    assert look(late).state == "expired"
    assert sorted(bells()) == sorted([str(due), str(suspect)])


def test_a_lost_bell_is_rung_again_and_then_left_for_a_while(tenant: Tenant) -> None:
    job_id = submit(tenant)
    overdue(job_id)
    dispatcher = Dispatcher()
    dispatcher.ring_unheard()
    dispatcher.ring_unheard()
    assert bells() == [str(job_id)]


def test_a_bell_that_still_lies_in_the_broker_is_not_rung_twice(tenant: Tenant) -> None:
    ids = [submit(tenant) for _ in range(3)]
    RedisBell().ring("cpu", [Ring(str(job_id), "nap") for job_id in ids])
    for job_id in ids:
        overdue(job_id)
    Dispatcher().ring_unheard()
    assert len(bells()) == 3


def test_a_bell_lost_among_others_is_rung_again_in_the_end(tenant: Tenant) -> None:
    lost, fresh = submit(tenant), [submit(tenant) for _ in range(3)]
    RedisBell().ring("cpu", [Ring(str(job_id), "nap") for job_id in fresh])
    change(lost, state=State.RUNG, rung_at=ago(seconds=7))
    Dispatcher().ring_unheard()
    assert bells().count(str(lost)) == 1


def test_a_heard_bell_is_not_rung_again(tenant: Tenant) -> None:
    job_id = submit(tenant)
    overdue(job_id)
    take(job_id)
    Dispatcher().ring_unheard()
    assert bells() == []


def test_an_emptied_broker_loses_nothing(dispatcher: None, tenant: Tenant) -> None:
    a_worker(slots=3)
    jobs = {str(submit(tenant)) for _ in range(5)}
    eventually(lambda: set(bells()) == jobs, 3)
    redis_client().flushall()
    eventually(lambda: set(bells()) == jobs, 4)
    assert len(bells()) == 5


def test_an_idle_dispatcher_answers_at_once(dispatcher: None, tenant: Tenant) -> None:
    a_worker(slots=50)
    waits = []
    for _ in range(7):
        time.sleep(0.3)  # by now it has found the lane empty and sleeps for a second
        begun = time.monotonic()
        job_id = str(submit(tenant))
        eventually(partial(was_rung, job_id), 3, pause=0.001)
        waits.append(time.monotonic() - begun)
    assert statistics.median(waits) < 0.15, waits


def test_a_tenant_at_its_ceiling_is_served_as_fast_as_it_finishes(dispatcher: None) -> None:
    a_worker(slots=50)
    tenant = make_tenant("narrow", max_running=1)
    jobs = {str(submit(tenant)) for _ in range(6)}
    begun = time.monotonic()
    while jobs:
        (bell,) = eventually(bells, 3)
        redis_client().flushall()
        change(take(bell).id, state=State.SUCCEEDED, ended_at=ago(seconds=0))  # type: ignore[arg-type]
        jobs.remove(bell)
    assert time.monotonic() - begun < 3


def test_sweeps_run_by_name_and_can_be_tried_dry(tenant: Tenant) -> None:
    sweeps = ["jobs.sweeps.forget_idempotency_keys"]
    job_id = submit(tenant, idempotency_key="k", body_hash="b")
    change(job_id, created_at=ago(days=2))
    assert run_sweeps(sweeps, dry_run=True) == run_sweeps(sweeps) == {sweeps[0]: 1}
    assert run_sweeps(sweeps) == {sweeps[0]: 0}
    call_command("sweep", "--dry-run", verbosity=0)


@contextmanager
def own_servers(folder: Path, settings: Settings, patch: pytest.MonkeyPatch) -> Iterator[Services]:
    """This process works on servers of its own for a while: they may be killed."""
    services = Services.under(folder, folder, durable=True)
    settings.REDIS_URL = services.redis.url
    patch.setitem(connections.settings["default"], "HOST", str(services.postgres.sockets))
    patch.setitem(connections.settings["default"], "NAME", "voicemill")
    connection.close()
    redis_client.cache_clear()
    try:
        yield services
    finally:
        connection.close()
        patch.undo()
        redis_client().close()
        redis_client.cache_clear()
        services.postgres.clear_leftovers()


class Server:
    """A program that can be killed and started again."""

    def __init__(self, stack: ExitStack, folder: Path, part: object) -> None:
        self.stack, self.log, self.part = stack, folder / "server.log", part
        self.start()

    def start(self) -> None:
        program = self.part.program()  # type: ignore[attr-defined]
        self.process = self.stack.enter_context(running(program, self.log))

    def kill(self) -> None:
        kill_group(self.process.pid)
        self.process.wait()


@pytest.mark.slow
def test_the_dispatcher_outlives_its_broker_and_its_ledger(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    with own_servers(tmp_path, settings, monkeypatch) as services, ExitStack() as stack:
        postgres = Server(stack, tmp_path, services.postgres)
        redis = Server(stack, tmp_path, services.redis)
        services.postgres.create_database()
        call_command("migrate", verbosity=0)
        bell = RedisBell()
        stack.callback(bell.client.close)
        dispatcher = Dispatcher(bell)
        thread = threading.Thread(target=dispatcher.run)
        thread.start()
        try:
            serve_through_outages(postgres, redis)
        finally:
            dispatcher.stop.set()
            thread.join(10)
        assert not thread.is_alive()


def serve_through_outages(postgres: Server, redis: Server) -> None:
    tenant = make_tenant("outages")
    a_worker(slots=100)
    rung = [submit(tenant)]
    eventually(lambda: bells() == [str(rung[0])], 5)

    redis.kill()
    rung.append(submit(tenant))  # accepted all the same
    time.sleep(1.5)
    assert look(rung[1]).ended_at is None
    redis.start()
    eventually(lambda: str(rung[1]) in bells(), 15)

    connection.close()
    postgres.kill()
    time.sleep(1.5)
    postgres.start()
    rung.append(submit(tenant))
    eventually(lambda: str(rung[2]) in bells(), 15)
    assert Job.objects.filter(state=State.RUNG).count() == 3
    assert fill_queue("cpu").rings == []
