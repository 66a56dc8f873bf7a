"""Submits no-op jobs by the service function, one by one, and waits until all have ended."""

from __future__ import annotations

import os
import time
from uuid import UUID

import django

django.setup()

from jobs.models import Job  # noqa: E402
from jobs.services.accept import NewJob, Step, submit_job  # noqa: E402
from tests.bench.on_demand import serve  # noqa: E402

LOOK_EVERY = 0.1
REQUEST = {"text": "The quick brown fox jumps over the lazy dog, and tells everybody about it."}


def submit_and_wait(count: int) -> None:
    tenant = UUID(os.environ["FIRST"])
    for _ in range(count):
        plan = [Step("none", "bench", {"model": "none"})]
        submit_job(NewJob(tenant_id=tenant, kind="noop", plan=plan, request=REQUEST))
    while Job.objects.filter(tenant=tenant, ended_at=None).exists():
        time.sleep(LOOK_EVERY)


if __name__ == "__main__":
    serve(submit_and_wait)
