"""What a dump brings from a server that had counted more transactions stands before what is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db.models import F

from jobs.models import Event, Forgotten, Queue
from jobs.services.filling import fill_queue
from jobs.services.restored import mend_after_restore
from jobs.states import State
from jobs.streams.sources import TenantSource
from jobs.webhooks.fanning import fan_out
from jobs.webhooks.models import Delivery, Endpoint
from tests.ledger import a_worker, at_once, bring_to, submit
from tests.webhooks import endpoint, succeed

if TYPE_CHECKING:
    from uuid import UUID

    from tenants.models import Tenant
    from tests.receivers import Receiver

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("quick_webhooks"),
]

AHEAD = 10**12


def move_to_a_server_behind() -> None:
    """As restored: every number the ledger has lies ahead of this server's."""
    Event.objects.update(transaction=F("transaction") + AHEAD)
    Forgotten.objects.update(transaction=F("transaction") + AHEAD)
    Endpoint.objects.update(cursor_transaction=F("cursor_transaction") + AHEAD)
    Queue.objects.update(filled_by=F("filled_by") + AHEAD)


def told(*, after: int = 0) -> list[UUID | None]:
    """The jobs that endpoints have taken up, past the first so many."""
    while fan_out():
        pass
    jobs = Delivery.objects.order_by("event").values_list("job", flat=True)
    return list(jobs[after:])


def test_a_queue_is_filled_again(tenant: Tenant) -> None:
    a_worker(slots=1)
    submit(tenant)
    Queue.objects.filter(name="cpu").update(filled_by=AHEAD)
    assert not fill_queue("cpu").rings
    assert mend_after_restore()
    assert fill_queue("cpu").rings


def test_endpoints_are_told_what_they_were_not_and_what_comes(
    tenant: Tenant, good: Receiver
) -> None:
    endpoint(tenant, good)
    quiet = endpoint(tenant, good, events=["job.failed"])
    before = succeed(tenant)
    assert told() == [before]
    waiting = succeed(tenant)
    move_to_a_server_behind()
    assert mend_after_restore()
    later = succeed(tenant)
    assert told(after=1) == [waiting, later]
    failed = bring_to(tenant, State.FAILED)
    fan_out()
    assert Delivery.objects.get(endpoint=quiet).job == failed


def test_an_event_whose_number_was_drawn_early_and_committed_late_is_not_skipped(
    tenant: Tenant, good: Receiver
) -> None:
    """Rows are not in the order of transactions: behind the cursor a lower row is untold."""
    endpoint(tenant, good)
    untold, first = succeed(tenant), succeed(tenant)
    told_last = Event.objects.get(job=first)
    Event.objects.filter(job=untold).update(transaction=told_last.transaction + 1)
    Endpoint.objects.update(cursor_transaction=told_last.transaction, cursor_event=told_last.id)
    move_to_a_server_behind()
    mend_after_restore()
    assert untold in told()


def test_an_api_that_was_quicker_than_the_mending_loses_nothing(
    tenant: Tenant, good: Receiver
) -> None:
    old = endpoint(tenant, good)
    before = succeed(tenant)
    move_to_a_server_behind()
    new = endpoint(tenant, good)
    quick = succeed(tenant)
    mend_after_restore()
    fan_out()
    by_endpoint = {
        made.id: list(
            Delivery.objects.filter(endpoint=made).order_by("event").values_list("job", flat=True)
        )
        for made in (old, new)
    }
    assert by_endpoint == {old.id: [before, quick], new.id: [quick]}


def test_two_dispatchers_that_start_together_mend_once(tenant: Tenant, good: Receiver) -> None:
    endpoint(tenant, good)
    succeed(tenant)
    move_to_a_server_behind()
    assert sorted(at_once(2, lambda _: mend_after_restore())) == [False, True]


def test_on_the_same_server_there_is_nothing_to_mend(tenant: Tenant, good: Receiver) -> None:
    endpoint(tenant, good)
    succeed(tenant)
    rows = list(Event.objects.values_list("id", "transaction"))
    cursors = list(Endpoint.objects.values_list("cursor_transaction", "cursor_event"))
    assert not mend_after_restore()
    assert list(Event.objects.values_list("id", "transaction")) == rows
    assert list(Endpoint.objects.values_list("cursor_transaction", "cursor_event")) == cursors


def test_a_client_s_place_of_another_ledger_is_a_gap_however_far_this_one_has_come(
    tenant: Tenant,
) -> None:
    """Also where the number alone would pass for one of ours."""
    succeed(tenant)
    source = TenantSource(tenant.id)
    (place,) = Event.objects.values_list("transaction", "id")
    lost = (place[0] - 1, place[1] + 7)
    succeed(tenant)
    now = source.open(None).position
    assert source.open(place).gap is False
    assert source.open((0, 0)).gap is False
    opening = source.open(lost)
    assert (opening.gap, opening.position) == (True, now)
