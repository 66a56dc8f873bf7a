"""Patience with a ledger or a store that is away: try again until the lease is over."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, TypeVar

from django.db import InterfaceError, OperationalError, connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.keeper import Held

PAUSE = 0.5
LEDGER_AWAY: tuple[type[Exception], ...] = (OperationalError, InterfaceError)
Answer = TypeVar("Answer")
log = logging.getLogger(__name__)


class LeaseOverError(Exception):
    """The lease ran out while we waited; the job belongs to somebody else now."""


class InterruptedJobError(Exception):
    """The work was stopped: cancelled, out of time, drained or lost."""


def patiently(
    held: Held,
    action: Callable[[], Answer],
    away: tuple[type[Exception], ...] = (),
) -> Answer:
    """Do it, and again while the ledger or `away` is away, for as long as the lease holds."""
    while True:
        try:
            return action()
        except (*LEDGER_AWAY, *away) as error:
            if held.lost:
                raise LeaseOverError from error
            if held.stop is not None and isinstance(error, away):
                raise InterruptedJobError from error
            log.warning("waiting for what is away: %s", error)
            connection.close()
            time.sleep(PAUSE)
