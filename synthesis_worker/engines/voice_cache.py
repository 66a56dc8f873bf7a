"""Voices kept in memory: the last few used, and always the ones in use."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Loaded = TypeVar("Loaded")


class _Entry(Generic[Loaded]):
    def __init__(self) -> None:
        self.loading = threading.Lock()
        self.loaded: Loaded | None = None
        self.users = 0


class VoiceCache(Generic[Loaded]):
    """Loads a voice once, whoever asks at the same time; drops the longest unused past `keep`."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry[Loaded]] = OrderedDict()

    @contextmanager
    def borrow(self, key: str, load: Callable[[], Loaded]) -> Iterator[Loaded]:
        """The voice of this key, safe from being dropped until the block ends."""
        entry = self._enter(key)
        try:
            with entry.loading:
                if entry.loaded is None:
                    entry.loaded = load()
            yield entry.loaded
        finally:
            self._leave(key, entry)

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def _enter(self, key: str) -> _Entry[Loaded]:
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            entry.users += 1
            return entry

    def _leave(self, key: str, entry: _Entry[Loaded]) -> None:
        with self._lock:
            entry.users -= 1
            if entry.loaded is None and not entry.users:
                del self._entries[key]  # it would not load: the next one tries afresh
            idle = [one for one, kept in self._entries.items() if not kept.users]
            for one in idle[: max(0, len(self._entries) - self._keep)]:
                del self._entries[one]
