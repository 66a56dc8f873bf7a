"""Answering a bell: claim, work under the keeper's eye, and tell the ledger how it went."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

from celery import current_task
from django.db import Error as DatabaseError

from jobs import presence
from jobs.keeper import Held, Keeper, Stop
from jobs.patience import InterruptedJobError, LeaseOverError, patiently
from jobs.services import claims
from jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.services.claims import ClaimedJob, Failure

log = logging.getLogger(__name__)


@cache
def the_keeper() -> Keeper:
    """One per process, made after the fork."""
    return Keeper(presence.worker_name())


def answer_bell(job_id: str, work: Callable[[ClaimedJob, Held], None]) -> None:
    """Do the job if it is free. A bell for a job that is taken or has ended is no news."""
    job = _claim(job_id)
    if job is None:
        return
    with the_keeper().holding(job) as held:
        try:
            _work(job, held, work)
        except LeaseOverError:
            log.warning("job %s was lost; its work is abandoned", job.id)


def check_stop(held: Held) -> None:
    """Between two chunks: raise where the work should end here."""
    if held.stop is not None:
        raise InterruptedJobError


def _claim(job_id: str) -> ClaimedJob | None:
    try:
        return claims.claim_job(job_id, worker=presence.worker_name(), queue=_heard_on())
    except DatabaseError as error:
        log.warning("job %s not claimed, its bell will ring again: %s", job_id, error)
        return None


def _heard_on() -> str | None:
    """The queue the bell came by, where Celery knows it."""
    told = current_task.request.delivery_info if current_task else None
    return told["routing_key"] if told else None


def _work(job: ClaimedJob, held: Held, work: Callable[[ClaimedJob, Held], None]) -> None:
    try:
        work(job, held)
    except LeaseOverError:
        raise
    except InterruptedJobError:
        patiently(held, lambda: _settle(job, held.stop))
    except Exception as error:
        failure = _as_failure(error)
        log.warning("job %s failed: %s", job.id, failure.code, exc_info=not failure.permanent)
        patiently(held, lambda: claims.fail_step(job, failure))


def _settle(job: ClaimedJob, stop: Stop | None) -> None:
    match stop:
        case Stop.CANCELLED:
            claims.end_interrupted(job, State.CANCELLED)
        case Stop.EXPIRED:
            claims.end_interrupted(job, State.EXPIRED)
        case Stop.DRAINED:
            claims.hand_back(job)
        case _:
            log.warning("job %s was lost; its work is abandoned", job.id)


def _as_failure(error: Exception) -> Failure:
    """Errors of engines and stores say themselves whether they are permanent; others may pass."""
    if hasattr(error, "permanent") and hasattr(error, "code"):
        return claims.Failure(error.code, str(error), error.permanent)
    message = f"{type(error).__name__}: the worker's log says more."
    return claims.Failure("internal_error", message, permanent=False)
