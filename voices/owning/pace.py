"""How many voices a tenant has made within an hour, so that nobody keeps the fleet to itself."""

from __future__ import annotations

import time
from datetime import timedelta
from math import ceil
from uuid import UUID

from django.db.models.functions import Now
from django.utils import timezone

from jobs.models import Job
from tenants.limits import LimitReachedError, lock_limits

HOUR = timedelta(hours=1)
SLACK = timedelta(minutes=10)  # by which the clocks that made the ids may be behind
LIMITS = {"clone": "clones_per_hour", "train": "trainings_per_hour"}  # by kind of job


def check_pace(tenant_id: UUID, kind: str) -> None:
    """Raise where the hour has as many of this kind as it may. Holds the tenant's limits.

    Jobs are counted, since what they made is gone with the voice that is erased or taken back.
    """
    allowed: int = getattr(lock_limits(tenant_id), LIMITS[kind])
    begun = Job.objects.filter(
        tenant_id=tenant_id, kind=kind, id__gt=_first_id(), created_at__gt=Now() - HOUR
    )
    times = list(begun.order_by("-created_at").values_list("created_at", flat=True)[:allowed])
    if len(times) < allowed:
        return
    wait = ceil((times[-1] + HOUR - timezone.now()).total_seconds()) if times else None
    made = LIMITS[kind].partition("_")[0]
    raise LimitReachedError(f"{made} within an hour", allowed, retry_after=wait and max(1, wait))


def _first_id() -> UUID:
    """Ids sort by time: no job of the last hour has one before this."""
    milliseconds = round((time.time() - (HOUR + SLACK).total_seconds()) * 1000)
    return UUID(int=milliseconds << 80)
