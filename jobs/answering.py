"""Answering a bell: claim, work under the keeper's eye, and tell the ledger how it went."""

from __future__ import annotations

import logging
import time
from functools import cache
from typing import TYPE_CHECKING

from celery import current_task
from django.db import Error as DatabaseError

from jobs import presence
from jobs.keeper import Held, Keeper, Stop
from jobs.patience import InterruptedJobError, LeaseOverError, patiently
from jobs.services import claims, steering
from jobs.states import State
from tenants.about import note, working_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.services.claims import ClaimedJob, Failure

LONGEST_CODE = 60
LOST = "the lease was lost; the work is abandoned"

log = logging.getLogger(__name__)


@cache
def the_keeper() -> Keeper:
    """One per process, made after the fork."""
    return Keeper(presence.worker_name())


def answer_bell(job_id: str, work: Callable[[ClaimedJob, Held], None]) -> None:
    """Do the job if it is free. A bell for a job that is taken or has ended is no news.

    Whatever happens, nothing is raised: Celery would log and tell what an error says.
    """
    with working_on(job=job_id):
        try:
            _answer(job_id, work)
        except LeaseOverError:
            log.warning(LOST)
        except Exception:
            log.exception("the job is left to its lease")


def _answer(job_id: str, work: Callable[[ClaimedJob, Held], None]) -> None:
    job = _claim(job_id)
    if job is None:
        return
    note(tenant=job.tenant_id)
    started = time.monotonic()
    with the_keeper().holding(job) as held:
        _work(job, held, work)
    log.info("attempt %d took %.3f s", job.attempt, time.monotonic() - started)


def check_stop(held: Held) -> None:
    """Between two chunks: raise where the work should end here."""
    if held.stop is not None:
        raise InterruptedJobError


def _claim(job_id: str) -> ClaimedJob | None:
    """Where this worker drains, or its queue is paused, the job goes back in line."""
    name, job = presence.worker_name(), None
    try:
        job = claims.claim_job(job_id, worker=name, queue=_heard_on())
        if job is None:
            steering.pass_on([job_id], worker=name)
    except DatabaseError as error:
        log.warning("not claimed, its bell will ring again: %s", error)
    return job


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
        log.warning("failed: %s", failure.code, exc_info=not failure.permanent)
        patiently(held, lambda: claims.fail_step(job, failure))


def _settle(job: ClaimedJob, stop: Stop | None) -> None:
    match stop:
        case Stop.CANCELLED:
            claims.end_interrupted(job, State.CANCELLED)
        case Stop.EXPIRED:
            claims.end_interrupted(job, State.EXPIRED)
        case Stop.DRAINED | None:  # none any more: the worker was resumed meanwhile
            claims.hand_back(job)
        case _:
            log.warning(LOST)


def _as_failure(error: Exception) -> Failure:
    """Errors of engines and stores say themselves whether they are permanent; others may pass."""
    if hasattr(error, "permanent") and hasattr(error, "code"):
        code, message = _kept(error.code)[:LONGEST_CODE], _kept(str(error))
        return claims.Failure(code, message, error.permanent)
    message = f"{type(error).__name__}: the worker's log says more."
    return claims.Failure("internal_error", message, permanent=False)


def _kept(words: str) -> str:
    """As the ledger can hold them: it knows neither NUL nor half a character."""
    return words.encode(errors="replace").decode().replace("\0", "")
