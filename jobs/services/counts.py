"""What jobs go through, counted once it is committed."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction

from jobs.tallies import count, observe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.services.claims import ClaimedJob

NOWHERE = "none"  # the queue of a job that was done as it was accepted


def note_accepted(kinds: Iterable[str]) -> None:
    for kind, jobs in Counter(kinds).items():
        accepted = partial(count, "voicemill_jobs_accepted_total", jobs, kind=kind)
        transaction.on_commit(accepted)


def note_hits(kinds: Iterable[str]) -> None:
    """Accepted, and done by that."""
    known = list(kinds)
    note_accepted(known)
    transaction.on_commit(partial(count, "voicemill_cache_hits_total", len(known)))
    for kind in known:
        note_ended(NOWHERE, kind, "succeeded")


def note_ended(queue: str, kind: str, state: str) -> None:
    ended = partial(count, "voicemill_jobs_ended_total", queue=queue, kind=kind, state=state)
    transaction.on_commit(ended)


def note_claim(queue: str, waited: float | None, rang: float | None) -> None:
    """How long it waited in all, at its first claim; and how long ago its bell was rung."""
    if waited is not None:
        observe("voicemill_wait_seconds", waited, queue=queue)
    if rang is not None:
        observe("voicemill_claim_seconds", rang, queue=queue)


def note_finished(job: ClaimedJob, *, done: bool) -> bool:
    if done:
        note_ended(job.queue, job.kind, "succeeded")
    return fenced("finish", done=done)


def note_failed_step(job: ClaimedJob, code: str) -> None:
    count("voicemill_step_failures_total", engine=job.engine, code=code)


def note_lost(queue: str, *, poison: bool) -> None:
    transaction.on_commit(partial(count, "voicemill_lost_leases_total", queue=queue))
    if poison:
        transaction.on_commit(partial(count, "voicemill_poisoned_total", queue=queue))


def fenced(write: str, *, done: bool) -> bool:
    """A write that was refused is counted at once: whatever it stood in is rolled back."""
    if not done:
        count("voicemill_fenced_writes_total", write=write)
    return done
