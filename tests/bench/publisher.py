"""Whoever writes events: a worker that reports progress, and notes when each commit was done."""

from __future__ import annotations

import json
import os
import time
from uuid import UUID

import django

django.setup()

from django.db import transaction  # noqa: E402

from jobs.services.accept import NewJob, Step, submit_job  # noqa: E402
from jobs.services.claims import claim_job  # noqa: E402
from jobs.services.progress import report_progress  # noqa: E402
from tests.bench.on_demand import serve  # noqa: E402

PAUSE = float(os.environ["BENCH_PAUSE"])
TENANT = UUID(os.environ["BENCH_TENANT"])


def main() -> None:
    plan = [Step("none", "bench")]
    job = claim_job(submit_job(NewJob(tenant_id=TENANT, kind="noop", plan=plan)).id, worker="bench")
    assert job is not None

    def publish(count: int) -> str:
        committed: list[float] = []
        for _ in range(count):
            with transaction.atomic():
                transaction.on_commit(lambda: committed.append(time.monotonic()))
                report_progress(job, 0.5)
            time.sleep(PAUSE)
        return json.dumps(committed)

    serve(publish)


if __name__ == "__main__":
    main()
