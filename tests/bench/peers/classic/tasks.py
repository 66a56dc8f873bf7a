"""The task: take the job, do nothing, write down that it is done."""

from __future__ import annotations

import os

import django
from celery import Celery
from django.db import transaction
from django.utils import timezone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.peers.classic.settings")
django.setup()

from tests.bench.peers.classic.models import Event, Job, Usage  # noqa: E402

app = Celery("classic", broker=os.environ["BROKER_URL"])
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)


@app.task(name="run_job")
def run_job(job_id: str) -> None:
    job = take(job_id)
    if job is not None:
        finish(job)


@transaction.atomic
def take(job_id: str) -> Job | None:
    job = Job.objects.select_for_update().get(pk=job_id)
    if job.state != "queued":
        return None
    job.state, job.attempt = "running", job.attempt + 1
    job.save(update_fields=["state", "attempt"])
    return job


@transaction.atomic
def finish(job: Job) -> None:
    job.state, job.result, job.ended_at = "succeeded", {}, timezone.now()
    job.save(update_fields=["state", "result", "ended_at"])
    Usage.objects.create(job=job, tenant=job.tenant, characters=100)
    Event.objects.create(job=job, name="job.succeeded")
