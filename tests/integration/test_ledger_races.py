"""What two who act at the same moment may not do to the ledger."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from django.db import connection, connections, transaction

from jobs.services.claims import claim_job
from jobs.states import Bond
from tests.ledger import at_once, events, finish, look, new_job, states, submit, take

if TYPE_CHECKING:
    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_waiter_accepted_while_the_awaited_job_finishes_is_set_free(tenant: Tenant) -> None:
    part = take(submit(tenant))

    def act(number):
        if number == 0:
            with transaction.atomic():
                waiter = submit(tenant, waits_on={part.id: Bond.SAME})
                time.sleep(0.5)
            return waiter
        time.sleep(0.2)
        return finish(part)

    waiter, finished = at_once(2, act)
    assert finished
    assert states(part.id, waiter) == ["succeeded", "queued"]
