"""Whatever happens in whatever order: the ledger's promises hold after every step."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.db.models import F
from hypothesis import HealthCheck, Phase, settings, strategies
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jobs.errors import AwaitedEndedError, NotRetriableError
from jobs.models import Edge, Event, Job, Lane, Queue, Usage
from jobs.services.claims import claim_job, fail_step, hand_back
from jobs.services.endings import cancel_job, retry_job
from jobs.services.filling import fill_queue, ring_suspect
from jobs.services.housekeeping import expire_late_jobs, queue_due_jobs, reap_lost_leases
from jobs.services.progress import report_progress
from jobs.services.steering import pass_on
from jobs.services.workers import drain_worker
from jobs.states import FINAL, LIVE, MOVES, NOT_STARTED, Bond, State
from tests.conftest import make_tenant
from tests.ledger import (
    CPU,
    HOUR,
    NET,
    PASSING,
    PERMANENT,
    a_worker,
    ago,
    change,
    finish,
    look,
    submit,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from pytest_django import Settings

    from jobs.services.claims import ClaimedJob
    from tenants.models import Tenant

ANY = strategies.integers(0, 10_000)
YES_OR_NO = strategies.booleans()
SLOTS = 3
BAD_ENDS = FINAL - {State.SUCCEEDED}

Row = dict[str, Any]


class Ledger(RuleBasedStateMachine):
    """The model knows every claim ever made, and how each job was after the step before."""

    tenant: Tenant

    def __init__(self) -> None:
        super().__init__()
        self.claims: list[ClaimedJob] = []
        self.before: dict[UUID, Row] = {}
        for queue in ("cpu", "net"):
            a_worker(queue, slots=SLOTS)
        a_worker(name="leaving")
        drain_worker(name="leaving")

    def teardown(self) -> None:
        for model in (Edge, Event, Usage, Job, Lane, Queue):
            model.objects.all().delete()

    def pick(self, number: int, *states: State) -> UUID:
        """One of the jobs in these states, in any where none is named."""
        ids = [i for i, row in self.before.items() if not states or row["state"] in states]
        return ids[number % len(ids)]

    def any_in(self, *states: State) -> bool:
        return any(row["state"] in states for row in self.before.values())

    def write(self, number: int, act: Callable[[ClaimedJob], bool]) -> tuple[bool, Row, Row]:
        """Somebody who has, or once had, a job writes. It counts with the last fence alone."""
        job = self.claims[number % len(self.claims)]
        before = self.before[job.id]
        holds = before["state"] == State.RUNNING and before["fence"] == job.fence
        assert act(job) is holds
        after: Row = dict(Job.objects.filter(id=job.id).values().get())
        if not holds:
            assert after == before
        return holds, before, after

    @rule(two_steps=YES_OR_NO, later=YES_OR_NO)
    def submit(self, two_steps: bool, later: bool) -> None:
        not_before = datetime.now(UTC) + HOUR if later else None
        submit(self.tenant, plan=[CPU, NET] if two_steps else [CPU], not_before=not_before)

    @precondition(lambda self: self.before)
    @rule(awaited=strategies.lists(ANY, min_size=1, max_size=3), part=YES_OR_NO, later=YES_OR_NO)
    def submit_waiting(self, awaited: list[int], part: bool, later: bool) -> None:
        ids = {self.pick(number) for number in (awaited if part else awaited[:1])}
        bond = Bond.PART if part else Bond.SAME
        not_before = datetime.now(UTC) + HOUR if later else None
        states = {self.before[job_id]["state"] for job_id in ids}
        try:
            waiter = submit(self.tenant, waits_on=dict.fromkeys(ids, bond), not_before=not_before)
        except AwaitedEndedError:
            assert states & BAD_ENDS
        else:
            assert not states & BAD_ENDS
            waits = later or states != {State.SUCCEEDED}
            assert look(waiter).state == (State.WAITING if waits else State.QUEUED)

    @rule()
    def fill(self) -> None:
        for queue in ("cpu", "net"):
            rings = [*fill_queue(queue).rings, *ring_suspect(queue)]
            assert len({ring.job_id for ring in rings}) == len(rings)

    @precondition(lambda self: self.any_in(State.RUNG))
    @rule(number=ANY)
    def hear_in_vain(self, number: int) -> None:
        """By a worker that drains."""
        job_id = self.pick(number, State.RUNG)
        assert claim_job(job_id, worker="leaving") is None
        pass_on([str(job_id)], worker="leaving")
        assert look(job_id).state == State.QUEUED

    @precondition(lambda self: self.before)
    @rule(number=ANY)
    def claim(self, number: int) -> None:
        """A bell is heard, perhaps an old one."""
        job_id = self.pick(number, State.RUNG) if self.any_in(State.RUNG) else self.pick(number)
        row = self.before[job_id]
        free = row["state"] == State.RUNG or (
            row["state"] == State.QUEUED and row["lost_leases"] < 2
        )
        job = claim_job(job_id, worker=f"w{len(self.claims)}")
        assert (job is not None) is free
        if job is not None:
            assert job.fence == row["fence"] + 1
            self.claims.append(job)

    @precondition(lambda self: self.claims)
    @rule(number=ANY)
    def finish(self, number: int) -> None:
        holds, _, after = self.write(number, finish)
        assert not holds or after["state"] == State.SUCCEEDED

    @precondition(lambda self: self.claims)
    @rule(number=ANY, permanent=YES_OR_NO)
    def fail(self, number: int, permanent: bool) -> None:
        flaw = PERMANENT if permanent else PASSING
        holds, before, after = self.write(number, lambda job: fail_step(job, flaw))
        if not holds:
            return
        if not permanent and before["failures"] == 0:
            expected = State.WAITING
        else:
            last = before["step"] + 1 == len(before["plan"])
            expected = State.FAILED if last else State.QUEUED
        if before["cancel_requested"] and expected is not State.FAILED:
            expected = State.CANCELLED
        assert after["state"] == expected

    @precondition(lambda self: self.claims)
    @rule(number=ANY)
    def hand_back(self, number: int) -> None:
        holds, before, after = self.write(number, hand_back)
        if holds and not before["cancel_requested"]:
            spent = (after["attempt"], after["failures"], after["lost_leases"])
            assert spent == (before["attempt"] - 1, before["failures"], before["lost_leases"])

    @precondition(lambda self: self.claims)
    @rule(number=ANY, store=YES_OR_NO)
    def progress(self, number: int, store: bool) -> None:
        kept = {"at": 1} if store else None
        holds, before, after = self.write(number, lambda job: report_progress(job, 0.5, kept))
        if holds:
            assert after["lost_leases"] == (0 if store else before["lost_leases"])

    @precondition(lambda self: self.any_in(State.RUNNING))
    @rule(number=ANY)
    def lose(self, number: int) -> None:
        job_id = self.pick(number, State.RUNNING)
        before = self.before[job_id]
        change(job_id, lease_until=ago(seconds=1))
        assert reap_lost_leases() == 1
        if before["cancel_requested"]:
            assert look(job_id).state == State.CANCELLED
        elif before["lost_leases"] == 2:
            assert look(job_id).error_code == "poison"
        else:
            assert look(job_id).lost_leases == before["lost_leases"] + 1

    @precondition(lambda self: self.before)
    @rule(number=ANY)
    def cancel(self, number: int) -> None:
        job_id = self.pick(number)
        before = self.before[job_id]["state"]
        after = cancel_job(tenant_id=self.tenant.id, job_id=job_id)
        assert after == (State.CANCELLED if before in NOT_STARTED else before)

    @precondition(lambda self: self.any_in(*NOT_STARTED))
    @rule(number=ANY)
    def expire(self, number: int) -> None:
        job_id = self.pick(number, *NOT_STARTED)
        change(job_id, deadline=ago(seconds=1))
        expire_late_jobs()
        assert look(job_id).state == State.EXPIRED

    @precondition(lambda self: self.any_in(State.WAITING))
    @rule(number=ANY)
    def come_due(self, number: int) -> None:
        job_id = self.pick(number, State.WAITING)
        if self.before[job_id]["not_before"]:
            change(job_id, not_before=ago(seconds=1))
            queue_due_jobs()
            pending = self.before[job_id]["pending"]
            assert look(job_id).state == (State.WAITING if pending else State.QUEUED)

    @precondition(lambda self: self.before)
    @rule(number=ANY)
    def retry(self, number: int) -> None:
        job_id = self.pick(number)
        try:
            again = retry_job(tenant_id=self.tenant.id, job_id=job_id, ceiling=10_000)
        except NotRetriableError:
            assert self.before[job_id]["state"] not in BAD_ENDS
        else:
            assert look(again.id).retry_of_id == job_id

    @invariant()
    def its_promises_hold(self) -> None:
        self.every_move_is_legal_and_an_end_is_an_end()
        self.an_ended_job_has_one_event_and_success_one_charge()
        self.who_waits_waits_for_something()
        self.who_runs_has_a_lease_and_nobody_else()
        self.suspects_go_one_at_a_time()

    def every_move_is_legal_and_an_end_is_an_end(self) -> None:
        now: dict[UUID, Row] = {row["id"]: dict(row) for row in Job.objects.order_by("id").values()}
        for job_id, old in self.before.items():
            new = now[job_id]
            moved = new["state"] != old["state"]
            assert not moved or State(new["state"]) in MOVES[State(old["state"])]
            assert new["fence"] - old["fence"] in {0, 1}
            assert new == old or old["state"] in LIVE
        self.before = now

    def an_ended_job_has_one_event_and_success_one_charge(self) -> None:
        told: dict[UUID, list[tuple[int, str]]] = defaultdict(list)
        for job_id, number, name in Event.objects.order_by("number").values_list(
            "job", "number", "name"
        ):
            told[job_id].append((number, name))
        charged = list(Usage.objects.values_list("job", flat=True))
        for job_id, row in self.before.items():
            ended = row["state"] in FINAL
            endings = [name for _, name in told[job_id] if name != "job.progress"]
            assert endings == ([f"job.{row['state']}"] if ended else [])
            assert [number for number, _ in told[job_id]] == list(range(1, row["events"] + 1))
            assert not ended or told[job_id][-1][1] == endings[0]
            assert charged.count(job_id) == (row["state"] == State.SUCCEEDED)
            assert (row["ended_at"] is not None) is ended

    def who_waits_waits_for_something(self) -> None:
        edges = Edge.objects.values_list("waiter", "awaited", "bond")
        awaited: dict[UUID, list[Row]] = defaultdict(list)
        waiters: dict[UUID, list[Row]] = defaultdict(list)
        bonds: dict[UUID, set[str]] = defaultdict(set)
        for waiter_id, awaited_id, bond in edges:
            awaited[waiter_id].append(self.before[awaited_id])
            waiters[awaited_id].append(self.before[waiter_id])
            bonds[awaited_id].add(bond)
        for job_id, row in self.before.items():
            live = [one for one in awaited[job_id] if one["state"] in LIVE]
            if row["state"] == State.WAITING:
                assert row["pending"] == len(live)
                assert live or row["not_before"] is not None
            if row["state"] in {State.QUEUED, State.RUNG, State.RUNNING, State.SUCCEEDED}:
                assert not live
            orphaned = all(one["state"] in FINAL for one in waiters[job_id])
            if row["state"] in LIVE and bonds[job_id] == {Bond.PART} and orphaned:
                assert row["state"] == State.RUNNING
                assert row["cancel_requested"]

    def who_runs_has_a_lease_and_nobody_else(self) -> None:
        for row in self.before.values():
            assert (row["lease_until"] is not None) is (row["state"] == State.RUNNING)
            assert 0 <= row["attempt"] <= row["fence"]
            assert row["lost_leases"] < 3

    def suspects_go_one_at_a_time(self) -> None:
        flight = (State.RUNG, State.RUNNING)
        suspects = Job.objects.filter(lost_leases__gte=2, state__in=flight).annotate(q=F("queue"))
        queues = [job.queue for job in suspects]
        assert len(queues) == len(set(queues))


@pytest.mark.django_db(transaction=True)
def test_the_ledger_keeps_its_promises_whatever_happens(settings: Settings) -> None:
    settings.MAX_FAILURES = 2
    settings.READ_AHEAD = 0.0
    Ledger.tenant = make_tenant("any")
    run_state_machine_as_test(Ledger, settings=EXAMPLES)


EXAMPLES = settings(
    max_examples=150,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    print_blob=True,
)
