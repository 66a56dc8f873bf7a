"""Webhooks through kills: real dispatchers die and come back, and every event still arrives."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.db.models import F

from jobs.services.accept import submit_jobs
from jobs.services.endings import cancel_job
from jobs.states import State
from jobs.webhooks import endpoints
from jobs.webhooks.models import Delivery
from tests.environment import child_environment
from tests.ledger import bring_to, eventually, new_job
from tests.live import ROOT
from tests.receivers import Reply, receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from pytest_django import Settings

    from tenants.models import Tenant
    from tests.receivers import Receiver

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

EVENTS = 1_000
KILLS = 8
QUICK = {
    "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    "WEBHOOK_RETRY_SECONDS": ",".join(["0.3"] * 9),
    "WEBHOOK_SECONDS": "2",
}


@pytest.fixture(autouse=True)
def _here(settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]


def dispatch(log: Path, **changed: str) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "manage.py", "dispatch"],
            cwd=ROOT,
            env=child_environment(**QUICK | changed),
            stdout=output,
            stderr=output,
        )


@contextmanager
def dispatchers(count: int, log: Path, **changed: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    running = [dispatch(log, **changed) for _ in range(count)]
    try:
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()


def end_all(tenant: Tenant, jobs: list[UUID]) -> None:
    """One event after the other, for as long as dispatchers are killed."""
    for job_id in jobs:
        cancel_job(tenant_id=tenant.id, job_id=job_id)
        time.sleep(0.008)
    connections.close_all()


def test_every_event_arrives_under_one_id_whoever_is_killed(tenant: Tenant, tmp_path: Path) -> None:
    drawn = random.Random(7)
    log = tmp_path / "dispatch.log"
    with receiver(lambda _: Reply(500 if drawn.random() < 0.3 else 200)) as flaky:
        endpoints.create_endpoint(tenant_id=tenant.id, url=flaky.url)
        jobs = [one.id for one in submit_jobs([new_job(tenant) for _ in range(EVENTS)])]
        with dispatchers(2, log) as running:
            ender = threading.Thread(target=end_all, args=(tenant, jobs))
            ender.start()
            for number in range(KILLS):
                kill_one(running, number % 2, flaky, log)
            ender.join()
            eventually(lambda: delivered() == EVENTS, 60, pause=0.2)
    ids = flaky.ids()
    expected = {f"msg_{job_id.hex}_1" for job_id in jobs}
    assert set(ids) == expected
    assert Delivery.objects.count() == EVENTS
    assert len(ids) > EVENTS * 1.2  # nearly a third were told to come again
    assert Delivery.objects.filter(fence__gt=F("tried")).exists()  # in hand when somebody died
    print(f"{len(ids)} requests for {len(expected)} events, {KILLS} kills")


def kill_one(
    running: list[subprocess.Popen[bytes]], place: int, flaky: Receiver, log: Path
) -> None:
    """In the middle of its sending: what it had in hand is sent again when its lease is over."""
    before = len(flaky.got)
    flaky.wait_for(before + 10, 20)
    running[place].kill()
    running[place].wait()
    running[place] = dispatch(log)


def delivered() -> int:
    return Delivery.objects.filter(state=Delivery.State.DELIVERED).count()


def slow_answer(_: int) -> Reply:
    time.sleep(1.0)
    return Reply()


def test_a_dispatcher_told_to_stop_notes_what_it_has_sent_and_goes(
    tenant: Tenant, tmp_path: Path
) -> None:
    with receiver(slow_answer) as slow, dispatchers(1, tmp_path / "dispatch.log") as (process,):
        endpoints.create_endpoint(tenant_id=tenant.id, url=slow.url)
        bring_to(tenant, State.CANCELLED)
        slow.wait_for(1, 20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert list(Delivery.objects.values_list("state", "tried")) == [("delivered", 1)]


def test_a_receiver_that_hangs_does_not_keep_a_dispatcher_from_stopping(
    tenant: Tenant, tmp_path: Path
) -> None:
    log = tmp_path / "dispatch.log"
    patient = dispatchers(1, log, WEBHOOK_SECONDS="60")
    with receiver(lambda _: Reply(hangs=True)) as stuck, patient as (process,):
        endpoints.create_endpoint(tenant_id=tenant.id, url=stuck.url)
        for _ in range(20):
            bring_to(tenant, State.CANCELLED)
        stuck.wait_for(8, 20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
