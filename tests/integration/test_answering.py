"""Answering a bell: whatever goes wrong in the work, the ledger hears of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.answering import LONGEST_CODE, answer_bell
from tests.ledger import look, submit

if TYPE_CHECKING:
    from jobs.keeper import Held
    from jobs.services.claims import ClaimedJob
    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)


class RudeError(Exception):
    """An engine's error that says what no table can hold."""

    permanent = True
    code = "rude\0_\ud800" * 20


def be_rude(job: ClaimedJob, held: Held) -> None:
    raise RudeError("No\0 \udfff!")


def test_an_error_that_the_ledger_cannot_hold_as_it_is_ends_its_job_all_the_same(
    tenant: Tenant,
) -> None:
    job_id = submit(tenant)
    answer_bell(str(job_id), be_rude)
    job = look(job_id)
    assert (job.state, job.error_message) == ("failed", "No ?!")
    assert job.error_code == ("rude_?" * 20)[:LONGEST_CODE]
