"""The door of trainings: a worker of its own, since the sound it hears needs other packages."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from gpu_worker.scratch import remove_abandoned
from gpu_worker.trainings import train_voice
from jobs.answering import answer_bell
from jobs.presence import present_worker
from synthesis_worker.equipment import capabilities_by_engine


@shared_task(name="gpu_worker.train")
def train(job_id: str) -> None:
    answer_bell(job_id, train_voice)


remove_abandoned(settings.TRAINING_DIR)
present_worker(capabilities_by_engine)
