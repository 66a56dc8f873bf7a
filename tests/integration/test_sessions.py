"""How sessions that live on prepared statements read and write: by index, and durably but once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from celery import signals
from django.db import connection, transaction
from django.db.backends.signals import connection_created

from jobs import presence
from jobs.prepared import read_by_index
from jobs.services.filling import fill_queue
from tests.ledger import a_worker, finish, submit, take

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)

CLAIM = "EXPLAIN EXECUTE claim_jobs('{019a0000-0000-7000-8000-000000000001}', '30 s', 'w', 'cpu')"
FINISH = (
    "EXPLAIN EXECUTE finish_jobs('{019a0000-0000-7000-8000-000000000001}', '{1}',"
    " array['{}']::jsonb[], array['{}']::jsonb[], false)"
)


def answers(sql: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [str(row[0]) for row in cursor.fetchall()]


@pytest.fixture
def workers_session() -> Iterator[None]:
    """The connection a worker makes, once Celery has named it."""
    connection.close()
    signals.celeryd_init.send(sender=presence.worker_name())
    yield
    connection_created.disconnect(read_by_index)
    connection.close()


def test_a_worker_reads_by_index_however_little_is_known_of_the_table(
    workers_session: None, tenant: Tenant
) -> None:
    assert finish(take(submit(tenant)))
    for statement in (CLAIM, FINISH):
        plan = "\n".join(answers(statement))
        assert "Seq Scan" not in plan, plan
        assert "Index Scan" in plan, plan


def test_a_worker_plans_a_statement_once(workers_session: None, tenant: Tenant) -> None:
    for _ in range(8):
        assert finish(take(submit(tenant)))
    counts = "SELECT sum(custom_plans) FROM pg_prepared_statements"
    assert answers(counts) == ["0"]


def test_a_fill_does_not_wait_for_the_disk_and_what_follows_does(tenant: Tenant) -> None:
    answers("SET synchronous_commit = on; SELECT 1")
    a_worker()
    submit(tenant)
    with transaction.atomic():
        assert fill_queue("cpu").rings
        assert answers("SHOW synchronous_commit") == ["off"]
    assert answers("SHOW synchronous_commit") == ["on"]
    connection.close()
