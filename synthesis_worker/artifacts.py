"""What was cloned, on its way to its engine: read, compared with its hash, kept for a while."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

KEEP_SECONDS = 60.0  # after the last use: who was erased is in no process's memory for longer
MOST = 32
T = TypeVar("T")


class Kept(Generic[T]):
    """What was used of late, in memory. Whether it may be used is asked before, each time."""

    def __init__(self, seconds: float = KEEP_SECONDS, most: int = MOST) -> None:
        self._seconds, self._most = seconds, most
        self._kept: dict[str | bytes, tuple[float, T]] = {}
        self._lock = threading.Lock()
        self._waiting = False  # a timer runs

    def get(self, name: str | bytes, read: Callable[[], T]) -> T:
        with self._lock:
            known = self._kept.pop(name, None)
        data = known[1] if known else read()
        with self._lock:
            self._kept[name] = (time.monotonic() + self._seconds, data)
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
            self._forget_later()
        return data

    def __len__(self) -> int:
        return len(self._kept)

    def _forget_later(self) -> None:
        """One timer at a time, for what was used longest ago: that stands first."""
        if self._waiting or not self._kept:
            return
        until, _ = next(iter(self._kept.values()))
        timer = threading.Timer(until - time.monotonic() + 0.01, self._forget_old)
        timer.daemon = self._waiting = True
        timer.start()

    def _forget_old(self) -> None:
        now = time.monotonic()
        with self._lock:
            for name in [name for name, (until, _) in self._kept.items() if until <= now]:
                del self._kept[name]
            self._waiting = False
            self._forget_later()


artifacts: Kept[bytes] = Kept()
