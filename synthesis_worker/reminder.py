"""A timer for those who let go of things when their time is over."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LATE = 0.01  # seconds: so that what is due is due when the timer rings


class Reminder:
    """Where a timer runs that is soon enough none is added: its call is to ask for the next."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._next = math.inf

    def ask(self, until: float) -> None:
        """Call at this time of the monotonic clock, or before. Two threads may not ask at once."""
        if until < self._next:
            self._next = until
            timer = threading.Timer(max(0.0, until - time.monotonic()) + LATE, self._ring)
            timer.daemon = True
            timer.start()

    def _ring(self) -> None:
        self._next = math.inf
        self._call()
