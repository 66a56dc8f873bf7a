"""A worker's connection to the ledger: kept from task to task, and made anew once it broke."""

from __future__ import annotations

import time

import pytest
from celery import shared_task
from django.db import connection

pytestmark = pytest.mark.django_db(transaction=True)

SEEN: list[int] = []


@shared_task(name="tests.note_backend")
def note_backend() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        SEEN.append(cursor.fetchone()[0])


def run_until_seen(count: int) -> list[int]:
    """Send tasks one by one until so many have been seen; one may fail on a broken connection."""
    SEEN.clear()
    until = time.monotonic() + 20
    while len(SEEN) < count:
        assert time.monotonic() < until, f"seen only {SEEN}"
        note_backend.apply_async(queue="cpu")
        time.sleep(0.1)
    return SEEN[:count]


def test_tasks_share_a_connection_and_go_on_after_it_broke(cpu_worker: None) -> None:
    first = run_until_seen(4)
    assert len(set(first)) == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [first[0]])
    later = run_until_seen(3)
    assert first[0] not in later
    assert len(set(later)) == 1
