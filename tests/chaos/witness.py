"""Loaded by the workers of the harness: every finish, written or refused, is journalled."""

from __future__ import annotations

import time
from functools import wraps
from typing import TYPE_CHECKING, Any

from tests.chaos.engine import FINISH_SECONDS
from tests.chaos.journal import note
from voices import renders

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.services.claims import ClaimedJob


def _witnessed(finish: Callable[..., bool]) -> Callable[..., bool]:
    """Seen from around its transaction: what it says is committed.

    The pause stands for a slow store: who is frozen in it knows nothing of a lost lease.
    """

    @wraps(finish)
    def finish_and_note(job: ClaimedJob, **rest: Any) -> bool:
        note("finishing", str(job.id), job.fence)
        time.sleep(FINISH_SECONDS)
        written = finish(job, **rest)
        note("finished" if written else "refused", str(job.id), job.fence)
        return written

    return finish_and_note


renders.finish_synthesis = _witnessed(renders.finish_synthesis)
