"""Tenant A sends thousands at once, tenant B a few one by one; on demand, by how many are asked."""

from __future__ import annotations

import json
import os
import time
from uuid import UUID

import django

django.setup()

from django.db.models import F  # noqa: E402

from jobs.models import Job  # noqa: E402
from jobs.services.accept import NewJob, Step, submit_job, submit_jobs  # noqa: E402
from tests.bench.on_demand import serve  # noqa: E402

A, B = UUID(os.environ["FIRST"]), UUID(os.environ["SECOND"])
FLOOD = 1000  # as many or more come from A, all at once
EVERY = 0.05  # seconds between two jobs of B


def new_job(tenant: UUID) -> NewJob:
    return NewJob(tenant_id=tenant, kind="rest", plan=[Step("none", "bench")])


def turn(count: int) -> str | None:
    if count >= FLOOD:
        submit_jobs([new_job(A) for _ in range(count)])
        return None
    return send_few(count)


def send_few(count: int) -> str:
    """The latencies of B's jobs in ms, from their accept to their end."""
    ids = []
    for _ in range(count):
        ids.append(submit_job(new_job(B)).id)
        time.sleep(EVERY)
    mine = Job.objects.filter(id__in=ids)
    while mine.filter(ended_at=None).exists():
        time.sleep(EVERY)
    took = mine.values_list(F("ended_at") - F("created_at"), flat=True)
    return json.dumps([one.total_seconds() * 1000 for one in took])


if __name__ == "__main__":
    serve(turn)
