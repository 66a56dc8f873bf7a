"""Back-pressure: how much a tenant, and the platform, may have waiting."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection

from jobs.errors import QueueFullError, TenantCeilingError
from jobs.limits import UNFINISHED_JOBS, reached_limits

if TYPE_CHECKING:
    from uuid import UUID

COUNTED_PER_SECOND = 100_000  # a deep backlog is counted less often, for counting it takes longer
FRESH = 1.0  # seconds a count is trusted; what this process adds meanwhile is added to it

COUNT_TENANT = """
    SELECT count(*) FROM (SELECT 1 FROM jobs_job WHERE tenant_id = %s
       AND ended_at IS NULL LIMIT %s) AS live"""
COUNT_ALL = """
    SELECT count(*) FROM (SELECT 1 FROM jobs_job
     WHERE ended_at IS NULL LIMIT %s) AS live"""


class Gauge:
    """A count read from the ledger at most once a second, and kept up in between."""

    def __init__(self) -> None:
        self.value = 0
        self.read_at = float("-inf")

    def refresh(self, sql: str, *values: Any) -> None:
        if time.monotonic() - self.read_at < max(FRESH, self.value / COUNTED_PER_SECOND):
            return
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            self.value = int(cursor.fetchone()[0])
        self.read_at = time.monotonic()


_lock = threading.Lock()
_everything = Gauge()
_tenants: dict[UUID, Gauge] = {}


def check_pressure(*, tenant_id: UUID, ceiling: int, more: int = 1) -> None:
    """Raise where accepting `more` jobs would be too many for the tenant or the platform."""
    mine = _tenants.setdefault(tenant_id, Gauge())
    _everything.refresh(COUNT_ALL, settings.MAX_DEPTH + 1)
    mine.refresh(COUNT_TENANT, tenant_id, ceiling + 1)
    with _lock:  # never while the ledger is asked: it may hang
        if _everything.value + more > settings.MAX_DEPTH:
            raise QueueFullError
        if mine.value + more > ceiling:
            reached_limits.note(tenant_id, UNFINISHED_JOBS, ceiling)
            raise TenantCeilingError
        mine.value += more
        _everything.value += more


def forget_pressure() -> None:
    """Count anew at the next look."""
    _everything.read_at = float("-inf")
    _tenants.clear()
