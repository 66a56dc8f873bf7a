"""Accepting a job: a row, and a task once it is committed. On demand, with the waiting."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from django.db import transaction

from tests.bench.on_demand import serve
from tests.bench.peers.classic.tasks import run_job

LOOK_EVERY = 0.1
TEXT = "The quick brown fox jumps over the lazy dog, and tells everybody about it."


def accept(request: dict[str, Any]) -> str:
    from tests.bench.peers.classic.models import Job

    with transaction.atomic():
        job = Job.objects.create(request=request)
        transaction.on_commit(partial(run_job.delay, str(job.id)))
    return str(job.id)


def submit_and_wait(count: int) -> None:
    from tests.bench.peers.classic.models import Job

    for _ in range(count):
        accept({"text": TEXT})
    while Job.objects.filter(state__in=["queued", "running"]).exists():
        time.sleep(LOOK_EVERY)


if __name__ == "__main__":
    serve(submit_and_wait)
