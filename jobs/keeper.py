"""The keeper: one thread a process that extends leases and hears of cancels."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from jobs.prepared import Statement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from jobs.services.claims import ClaimedJob

LOOK_EVERY = 1.0
RENEWALS = 3  # times a lease is renewed before it would have run out

LOOK = Statement(
    "look_at_held_jobs",
    ("uuid[]", "int[]", "text", "interval"),
    """
    SELECT j.id, j.fence, j.cancel_requested, coalesce(j.deadline < now(), false),
           coalesce((SELECT drain_asked_at < now() - $4 FROM jobs_worker WHERE name = $3), false)
      FROM unnest($1, $2) AS held(id, fence)
      JOIN jobs_job j ON j.id = held.id AND j.fence = held.fence AND j.state = 'running'
    """,
)

EXTEND = Statement(
    "extend_leases",
    ("uuid[]", "int[]", "interval"),
    """
    WITH mine AS MATERIALIZED (
      SELECT j.id FROM unnest($1, $2) AS held(id, fence)
        JOIN jobs_job j ON j.id = held.id AND j.fence = held.fence AND j.state = 'running'
       ORDER BY j.id FOR NO KEY UPDATE OF j)
    UPDATE jobs_job j SET lease_until = now() + $3 FROM mine WHERE j.id = mine.id
    RETURNING j.id, j.fence
    """,
)

log = logging.getLogger(__name__)


class Stop(StrEnum):
    """Why work on a held job should end."""

    CANCELLED = "cancelled"
    EXPIRED = "expired"
    LOST = "lost"
    DRAINED = "drained"


@dataclass(slots=True)
class Held:
    """A job in hand. `stop` says why to end it, as soon as somebody knows."""

    job: ClaimedJob
    lease_ends: float
    stop: Stop | None = None

    @property
    def key(self) -> tuple[UUID, int]:
        """A job lost and claimed again by the same process is held twice for a while."""
        return self.job.id, self.job.fence

    @property
    def lost(self) -> bool:
        """The lease is over, whatever the ledger would say if it could be asked."""
        return self.stop is Stop.LOST or time.monotonic() >= self.lease_ends


class Keeper:
    """Holds the leases of all jobs this process works on."""

    def __init__(self, worker: str) -> None:
        self.worker = worker
        self._held: dict[tuple[UUID, int], Held] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._extend_at = 0.0
        threading.Thread(target=self._keep, name="keeper", daemon=True).start()

    @contextmanager
    def holding(self, job: ClaimedJob) -> Iterator[Held]:
        held = Held(job, job.lease_ends)
        with self._lock:
            self._held[held.key] = held
        try:
            yield held
        finally:
            with self._lock:
                del self._held[held.key]

    def _keep(self) -> None:
        while True:
            self._wake.wait(LOOK_EVERY)
            if held := self._all():
                self._attend(held)

    def _all(self) -> list[Held]:
        with self._lock:
            return list(self._held.values())

    def _attend(self, held: list[Held]) -> None:
        try:
            if time.monotonic() >= self._extend_at:
                self._extend(held)
            self._look(held)
        except DatabaseError as error:
            log.warning("keeper could not reach the ledger: %s", error)
            connection.close()
        for one in held:
            if one.lost:
                one.stop = Stop.LOST

    def _extend(self, held: list[Held]) -> None:
        lease = settings.LEASE.total_seconds()
        asked_at = time.monotonic()
        kept = set(EXTEND.rows(*_pairs(held), settings.LEASE))
        self._extend_at = asked_at + lease / RENEWALS
        for one in held:
            if one.key in kept:
                one.lease_ends = asked_at + lease
            else:
                one.stop = Stop.LOST

    def _look(self, held: list[Held]) -> None:
        rows = LOOK.rows(*_pairs(held), self.worker, settings.DRAIN)
        said = {row[:2]: row[2:] for row in rows}
        for one in held:
            if one.stop in {None, Stop.DRAINED}:  # a worker that is resumed keeps what it has
                one.stop = _reason(*said.get(one.key, (False, False, False)))


def _pairs(held: list[Held]) -> tuple[list[str], list[int]]:
    return [str(one.job.id) for one in held], [one.job.fence for one in held]


def _reason(cancelled: bool, late: bool, draining: bool) -> Stop | None:
    if cancelled:
        return Stop.CANCELLED
    if late:
        return Stop.EXPIRED
    return Stop.DRAINED if draining else None
