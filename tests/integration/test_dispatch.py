"""The dispatcher's picks: fair shares, ceilings, windows, and who comes first."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.db.models import Count

from jobs.models import Job, Lane, Queue
from jobs.prepared import Statement
from jobs.services.accept import submit_jobs
from jobs.services.filling import FILL, fill_queue, open_queues, queues_with_work, ring_suspect
from jobs.services.housekeeping import mend_lanes
from jobs.services.workers import drain_worker, resume_worker
from jobs.states import Priority, State
from tests.conftest import make_tenant
from tests.ledger import a_worker, ago, at_once, finish, lose, new_job, submit, take

if TYPE_CHECKING:
    from pytest_django import Settings

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)


def flood(tenant: Tenant, count: int, **changes: object) -> None:
    for start in range(0, count, 1_000):
        submit_jobs([new_job(tenant, **changes) for _ in range(min(1_000, count - start))])


def serve() -> Counter[str]:
    """Fill once and have all of it done at once: how many of each tenant's."""
    rung = [ring.job_id for ring in fill_queue("cpu").rings]
    jobs = Job.objects.filter(id__in=rung)
    served = Counter(dict(jobs.values_list("tenant__slug").annotate(n=Count("id"))))
    jobs.update(state=State.SUCCEEDED, ended_at=ago(seconds=0))
    return served


def serve_until(total: int) -> Counter[str]:
    served: Counter[str] = Counter()
    while served.total() < total:
        now = serve()
        assert now, "nothing was rung"
        served += now
    return served


def test_a_busy_queue_is_shared_by_weight() -> None:
    a_worker(slots=15)
    for weight in (1, 2, 4, 8):
        flood(make_tenant(f"w{weight}", weight=weight), 100 * weight)
    served = serve_until(900)
    share = served.total() / 15
    for weight in (1, 2, 4, 8):
        assert abs(served[f"w{weight}"] - share * weight) <= max(2, share * weight * 0.02)


def test_what_is_shared_is_work_not_jobs() -> None:
    a_worker(slots=15)
    flood(make_tenant("long"), 400, cost=3.0)
    flood(make_tenant("short"), 400, cost=1.0)
    served = serve_until(300)
    assert 2.8 <= served["short"] / served["long"] <= 3.2


def test_a_flood_holds_up_nobody_else() -> None:
    a_worker(slots=8)
    flood(make_tenant("flood"), 2_000)
    serve_until(160)
    flood(make_tenant("small"), 10)
    assert (serve() + serve())["small"] == 10


def test_idling_earns_no_credit() -> None:
    a_worker(slots=8)
    busy, idler = make_tenant("busy"), make_tenant("idler")
    submit(idler)
    flood(busy, 600)
    serve_until(300)
    flood(idler, 300)
    served = serve_until(160)
    assert abs(served["idler"] - served["busy"]) <= 4


def test_priority_orders_a_tenants_own_jobs_and_nobody_elses() -> None:
    a_worker(slots=4)
    loud, meek = make_tenant("loud"), make_tenant("meek")
    flood(loud, 30, priority=Priority.INTERACTIVE)
    flood(meek, 20, priority=Priority.BATCH)
    urgent = submit(meek, priority=Priority.INTERACTIVE)
    standard = submit(meek, priority=Priority.STANDARD)
    first = Job.objects.filter(id__in=[ring.job_id for ring in fill_queue("cpu").rings])
    assert Counter(first.values_list("tenant__slug", flat=True)) == {"loud": 4, "meek": 4}
    assert {urgent, standard} <= {job.id for job in first}


def test_a_tenants_jobs_of_one_priority_go_in_their_order() -> None:
    a_worker(slots=2)
    tenant = make_tenant("one")
    ids = sorted(submit(tenant) for _ in range(12))
    rung = []
    for _ in range(3):
        now = sorted(ring.job_id for ring in fill_queue("cpu").rings)
        Job.objects.filter(id__in=now).update(state=State.SUCCEEDED, ended_at=ago(seconds=0))
        rung += now
    assert rung == [str(job_id) for job_id in ids]


@pytest.mark.parametrize(("slots", "ahead", "window"), [(3, 0.0, 3), (3, 1.0, 6), (3, 0.5, 5)])
def test_the_window_is_the_slots_and_a_little_read_ahead(
    tenant: Tenant, settings: Settings, slots: int, ahead: float, window: int
) -> None:
    settings.READ_AHEAD = ahead
    a_worker(slots=slots)
    flood(tenant, 20)
    assert len(fill_queue("cpu").rings) == window
    assert fill_queue("cpu").rings == []
    running = take(Job.objects.filter(state=State.RUNG).values_list("id", flat=True)[0])
    assert fill_queue("cpu").rings == []
    assert finish(running)
    assert len(fill_queue("cpu").rings) == 1


def test_workers_of_a_queue_add_up_and_others_do_not_count(tenant: Tenant) -> None:
    a_worker(slots=2, name="a")
    a_worker(slots=1, name="b")
    a_worker("net", slots=50)
    flood(tenant, 20)
    assert len(fill_queue("cpu").rings) == 6


def test_nothing_is_rung_where_no_worker_lives(tenant: Tenant) -> None:
    from jobs.models import Worker

    flood(tenant, 5)
    assert fill_queue("cpu") == ([], False)
    a_worker(slots=4)
    Worker.objects.update(heartbeat_at=ago(seconds=10))
    assert fill_queue("cpu").rings == []
    Worker.objects.update(heartbeat_at=ago(seconds=1))
    assert drain_worker(name="cpu@nowhere")
    assert fill_queue("cpu").rings == []
    assert resume_worker(name="cpu@nowhere")
    assert len(fill_queue("cpu").rings) == 5


def test_a_paused_queue_rings_nothing(tenant: Tenant) -> None:
    a_worker(slots=4)
    flood(tenant, 3)
    suspect = submit(tenant)
    lose(suspect, times=2)
    Queue.objects.filter(name="cpu").update(paused=True)
    assert "cpu" not in {*open_queues(), *queues_with_work()}
    assert fill_queue("cpu").rings == ring_suspect("cpu") == []
    Queue.objects.filter(name="cpu").update(paused=False)
    assert len(fill_queue("cpu").rings) == 3
    assert len(ring_suspect("cpu")) == 1


def test_a_tenant_has_a_ceiling_on_each_queue(tenant: Tenant) -> None:
    a_worker(slots=20)
    held_back = make_tenant("held-back", max_running=3)
    flood(held_back, 20)
    flood(tenant, 20)
    rung = Job.objects.filter(id__in=[ring.job_id for ring in fill_queue("cpu").rings])
    assert Counter(rung.values_list("tenant__slug", flat=True)) == {"held-back": 3, "acme": 20}
    assert fill_queue("cpu").rings == []
    mine = rung.filter(tenant=held_back)[0]
    assert finish(take(mine.id))
    assert len(fill_queue("cpu").rings) == 1


def test_a_tenant_at_its_ceiling_is_looked_at_again_soon() -> None:
    a_worker(slots=20)
    flood(make_tenant("held-back", max_running=2), 5)
    assert len(fill_queue("cpu").rings) == 2
    assert fill_queue("cpu") == ([], True)


def test_a_lane_without_jobs_is_left_alone_until_it_is_woken(tenant: Tenant) -> None:
    a_worker(slots=5)
    submit(tenant)
    assert queues_with_work() == ["cpu"]
    assert len(fill_queue("cpu").rings) == 1
    assert fill_queue("cpu") == ([], True)  # this look finds the lane empty
    assert queues_with_work() == []
    submit(tenant)
    assert queues_with_work() == ["cpu"]


def test_a_lane_that_lost_its_mark_is_mended(tenant: Tenant) -> None:
    a_worker(slots=5)
    submit(tenant)
    submit(make_tenant("idle"))
    assert len(fill_queue("cpu").rings) == 2
    submit(tenant)
    Lane.objects.update(ready=False)
    mend_lanes()
    assert [lane.tenant_id for lane in Lane.objects.filter(ready=True)] == [tenant.id]


class Watch:
    """Fills from several threads and what they saw in the ledger after each."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.rung: list[str] = []
        self.over: list[str] = []
        self.done = threading.Event()

    def fill(self) -> None:
        while not self.done.is_set():
            rings = fill_queue("cpu").rings
            self.rung += [ring.job_id for ring in rings]
            self.check()

    def check(self) -> None:
        rows = Job.objects.filter(state__in=[State.RUNG, State.RUNNING])
        flight = dict(rows.values_list("tenant__max_running").annotate(n=Count("id")))
        if sum(flight.values()) > self.window:
            self.over.append(f"window: {flight}")
        if any(count > ceiling for ceiling, count in flight.items()):
            self.over.append(f"ceiling: {flight}")

    def serve(self) -> None:
        """Claim and finish a few of what was rung, until all is done."""
        while Job.objects.filter(ended_at=None).exists():
            ids = list(Job.objects.filter(state=State.RUNG).values_list("id", flat=True))
            for job_id in random.sample(ids, k=min(len(ids), random.randint(1, 4))):
                assert finish(take(job_id))
        self.done.set()


def test_two_dispatchers_never_pass_the_window_or_a_ceiling() -> None:
    a_worker(slots=5)
    for ceiling in (3, 4, 5):
        flood(make_tenant(f"c{ceiling}", max_running=ceiling), 60)
    watch = Watch(window=10)
    roles = [watch.fill, watch.fill, watch.fill, watch.serve]
    at_once(4, lambda number: roles[number]())
    assert watch.over == []
    assert len(watch.rung) == len(set(watch.rung)) == 180


def test_a_fill_that_looked_before_another_rang_rings_nothing(tenant: Tenant) -> None:
    a_worker(slots=5)
    flood(tenant, 30)
    pause = "NOT paused AND (SELECT pg_sleep(0.5)) IS NOT NULL FOR UPDATE"
    held_up = Statement(
        "fill_held_up", FILL.types, FILL.sql.replace("NOT paused FOR UPDATE", pause)
    )
    assert held_up.sql != FILL.sql

    def fill(number: int) -> list[object]:
        """The first has its snapshot, and pauses; the second rings and is done meanwhile."""
        if number == 0:
            row = held_up.row("cpu", 64, settings.READ_AHEAD, settings.WORKER_ALIVE)
            return list(row[0] or ()) if row else []
        time.sleep(0.2)
        return list(fill_queue("cpu").rings)

    assert [len(rung) for rung in at_once(2, fill)] == [0, 10]


def test_a_queue_this_dispatcher_cannot_ring_is_left_alone(tenant: Tenant) -> None:
    Queue.objects.create(name="of-another-release")
    assert "of-another-release" not in open_queues()
