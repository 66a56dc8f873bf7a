"""What every request asks for and seldom changes, remembered for a moment."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

FRESH = 2.0  # seconds after which a change made by another process is seen at the latest
Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """A small cache whose entries live for seconds."""

    def __init__(self, most: int = 4096, fresh: float = FRESH) -> None:
        self._most, self._fresh = most, fresh
        self._kept: dict[Hashable, tuple[float, Value]] = {}

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        known = self._kept.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        value = make()
        if len(self._kept) >= self._most:
            self._kept.clear()
        self._kept[key] = (time.monotonic() + self._fresh, value)
        return value

    def forget(self) -> None:
        self._kept.clear()
