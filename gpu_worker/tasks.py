"""Doors between the ledger and the engines of cards: the same work as on a CPU, at other queues."""

from __future__ import annotations

from celery import shared_task

from jobs.answering import answer_bell
from jobs.presence import present_worker
from synthesis_worker.cloning import clone_voice
from synthesis_worker.equipment import capabilities_by_engine
from synthesis_worker.speaking import speak_or_reuse


@shared_task(name="gpu_worker.synthesize")
def synthesize(job_id: str) -> None:
    answer_bell(job_id, speak_or_reuse)


@shared_task(name="gpu_worker.clone")
def clone(job_id: str) -> None:
    answer_bell(job_id, clone_voice)


present_worker(capabilities_by_engine)
