"""Limits that tenants came up against: noted as requests are refused, told a little later.

A refusal must stay cheap, and may stand in a transaction that is rolled back.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError
from django.db import IntegrityError

from jobs.services.notices import tell_limit_reached
from jobs.tallies import tallies

if TYPE_CHECKING:
    from uuid import UUID

UNFINISHED_JOBS = "unfinished_jobs"


class ReachedLimits:
    """By tenant and limit: how much it is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reached: dict[tuple[UUID, str], int] = {}

    def note(self, tenant_id: UUID, limit: str, most: int) -> None:
        with self._lock:
            self._reached[tenant_id, limit] = most

    def tell(self) -> None:
        """What cannot be told now is told the next time."""
        with self._lock:
            reached, self._reached = self._reached, {}
        try:
            for (tenant_id, limit), most in reached.items():
                with suppress(IntegrityError):  # the tenant is gone
                    tell_limit_reached(tenant_id, limit, most)
        except DatabaseError:
            with self._lock:
                self._reached = reached | self._reached
            raise


reached_limits = ReachedLimits()
tallies.errands.append(reached_limits.tell)
