"""Waiting that is bounded, and that ends at once when the run is called off."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Found = TypeVar("Found")
LONGEST = 600.0  # seconds a run may take unless it says otherwise


class CalledOff(Exception):
    """Somebody stopped the run, or its time was over; nothing can be said of it."""


class Clock:
    """The run's own time, in seconds since it began."""

    def __init__(self, longest: float = LONGEST) -> None:
        self.longest = longest
        self.began = time.monotonic()
        self.called_off = threading.Event()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def pause(self, seconds: float) -> None:
        if self.called_off.wait(seconds) or self.seconds > self.longest:
            raise CalledOff(f"after {self.seconds:.0f} s")

    def until(self, found: Callable[[], Found], seconds: float, every: float = 0.02) -> Found:
        """What `found` gives once that is true, or what it gave last when the time was over."""
        end = time.monotonic() + seconds
        while not (result := found()) and time.monotonic() < end:
            self.pause(every)
        return result
