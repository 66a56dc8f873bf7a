"""Jobs that cost nothing, and jobs that only take their time: what is left is the platform."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from celery import shared_task

from jobs.answering import answer_bell
from jobs.services.claims import Charge, finish_job

if TYPE_CHECKING:
    from jobs.keeper import Held
    from jobs.services.claims import ClaimedJob

SERVICE = float(os.environ.get("BENCH_SERVICE_SECONDS", "0"))


@shared_task(name="tests.bench.worker.noop")
def noop(job_id: str) -> None:
    answer_bell(job_id, finish)


@shared_task(name="tests.bench.worker.rest")
def rest(job_id: str) -> None:
    answer_bell(job_id, rest_and_finish)


def finish(job: ClaimedJob, _: Held) -> None:
    finish_job(job, result={}, charge=Charge(characters=100))


def rest_and_finish(job: ClaimedJob, held: Held) -> None:
    time.sleep(SERVICE)
    finish(job, held)
