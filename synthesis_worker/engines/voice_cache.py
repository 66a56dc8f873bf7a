"""Voices kept in memory: the last few used, and always the ones in use."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from synthesis_worker.reminder import Reminder

Loaded = TypeVar("Loaded")


class _Entry(Generic[Loaded]):
    def __init__(self) -> None:
        self.loading = threading.Lock()
        self.loaded: Loaded | None = None
        self.users = 0
        self.until = math.inf  # unless it is used again


class VoiceCache(Generic[Loaded]):
    """Loads a voice once, whoever asks at the same time; drops the longest unused past `keep`."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._entries: OrderedDict[str | bytes, _Entry[Loaded]] = OrderedDict()
        self._reminder = Reminder(self._drop_old)

    @contextmanager
    def borrow(
        self, key: str | bytes, load: Callable[[], Loaded], seconds: float = math.inf
    ) -> Iterator[Loaded]:
        """The voice of this key, safe from being dropped until the block ends.

        Nobody holds it for longer than `seconds` afterwards.
        """
        entry = self._enter(key)
        try:
            with entry.loading:
                if entry.loaded is None:
                    entry.loaded = load()
            yield entry.loaded
        finally:
            self._leave(key, entry, seconds)

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def _enter(self, key: str | bytes) -> _Entry[Loaded]:
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            entry.users += 1
            return entry

    def _leave(self, key: str | bytes, entry: _Entry[Loaded], seconds: float) -> None:
        with self._lock:
            entry.users -= 1
            entry.until = time.monotonic() + seconds
            if entry.loaded is None and not entry.users:
                del self._entries[key]  # it would not load: the next one tries afresh
            idle = list(self._idle())
            for one in idle[: max(0, len(self._entries) - self._keep)]:
                del self._entries[one]
            self._drop_later()

    def _idle(self) -> Iterator[str | bytes]:
        return (key for key, entry in self._entries.items() if not entry.users)

    def _drop_later(self) -> None:
        """What is in use now asks again when it is left."""
        until = min((self._entries[key].until for key in self._idle()), default=math.inf)
        if until < math.inf:
            self._reminder.ask(until)

    def _drop_old(self) -> None:
        now = time.monotonic()
        with self._lock:
            for key in [key for key in self._idle() if self._entries[key].until <= now]:
                del self._entries[key]
            self._drop_later()
