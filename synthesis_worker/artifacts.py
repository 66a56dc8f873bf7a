"""What was cloned or trained, on its way to its engine: read, compared with its hash, kept."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakValueDictionary

from synthesis_worker.reminder import Reminder

if TYPE_CHECKING:
    from collections.abc import Callable

KEEP_SECONDS = 60.0  # after the last use: who was erased is in no process's memory for longer
MOST = 32
T = TypeVar("T")


def _weightless(_data: object) -> int:
    return 0


class Kept(Generic[T]):
    """What was used of late, in memory. Whether it may be used is asked before, each time."""

    def __init__(
        self,
        seconds: float = KEEP_SECONDS,
        most: int = MOST,
        weigh: Callable[[T], int] = _weightless,
        heaviest: int = 0,
    ) -> None:
        self._seconds, self._most = seconds, most
        self._weigh, self._heaviest = weigh, heaviest
        self._kept: dict[str | bytes, tuple[float, T]] = {}
        self._lock = threading.Lock()
        self._turns: WeakValueDictionary[str | bytes, threading.Lock] = WeakValueDictionary()
        self._reminder = Reminder(self._forget_old)

    def get(self, name: str | bytes, read: Callable[[], T]) -> T:
        """Read by one while others who want the same wait, for it may be heavy.

        What is heavier than all that may be kept is read each time.
        """
        with self._turn(name):
            with self._lock:
                known = self._kept.pop(name, None)
            data = known[1] if known else read()
            if self._weigh(data) <= self._heaviest:
                self._keep(name, data)
        return data

    def __len__(self) -> int:
        return len(self._kept)

    def _turn(self, name: str | bytes) -> threading.Lock:
        """One for each name, for as long as somebody has it or waits for it."""
        with self._lock:
            return self._turns.setdefault(name, threading.Lock())

    def _keep(self, name: str | bytes, data: T) -> None:
        with self._lock:
            self._kept[name] = (time.monotonic() + self._seconds, data)
            while len(self._kept) > self._most or self._weight() > self._heaviest:
                del self._kept[next(iter(self._kept))]
            self._forget_later()

    def _weight(self) -> int:
        return sum(self._weigh(data) for _, data in self._kept.values())

    def _forget_later(self) -> None:
        """What was used longest ago stands first."""
        if self._kept:
            until, _ = next(iter(self._kept.values()))
            self._reminder.ask(until)

    def _forget_old(self) -> None:
        now = time.monotonic()
        with self._lock:
            for name in [name for name, (until, _) in self._kept.items() if until <= now]:
                del self._kept[name]
            self._forget_later()
