"""Telling the ledger how far a job is, about once a second or as seldom as asked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError
from django.db import connection

from jobs.answering import check_stop
from jobs.services.progress import report_progress

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from jobs.keeper import Held
    from jobs.services.claims import ClaimedJob

MOST = 0.95  # until it is finished


class ProgressTeller:
    """Progress is a kindness; the finish is what counts."""

    def __init__(self, job: ClaimedJob, every: float = 1.0) -> None:
        self.job, self.every, self.told_at = job, every, time.monotonic()

    def tell(self, progress: float, details: Mapping[str, Any] | None = None) -> None:
        if time.monotonic() - self.told_at < self.every:
            return
        self.told_at = time.monotonic()
        try:
            report_progress(self.job, min(MOST, progress), details=details)
        except DatabaseError:
            connection.close()


def go_on(held: Held, teller: ProgressTeller, share: float) -> None:
    """Called by whoever does the work, which ends where this raises."""
    check_stop(held)
    teller.tell(share)
