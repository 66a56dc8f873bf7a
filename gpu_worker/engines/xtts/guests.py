"""Voices that bring weights of their own: few at a time, each let go soon after its last use."""

from __future__ import annotations

import gc
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from synthesis_worker.artifacts import KEEP_SECONDS
from synthesis_worker.contract import EngineBusy
from synthesis_worker.reminder import Reminder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Closable(Protocol):
    @property
    def broken(self) -> bool: ...

    def close(self) -> None: ...


T = TypeVar("T", bound=Closable)


@dataclass(slots=True)
class Guest(Generic[T]):
    voice: T
    users: int = 1
    until: float = 0.0  # nobody uses it: when it has to go


class Guests(Generic[T]):
    """Who is in use is never closed; of the others the one that was used longest ago goes first."""

    def __init__(self, most: int, seconds: float = KEEP_SECONDS) -> None:
        self._most, self._seconds = most, seconds
        self._guests: dict[str, Guest[T]] = {}  # who was used longest ago stands first
        self._lock = threading.Lock()
        self._opening = threading.Lock()  # one at a time: room is made for one
        self._reminder = Reminder(self._forget_old)

    @contextmanager
    def borrow(self, name: str, invite: Callable[[], T]) -> Iterator[T]:
        """Opened where it is not here yet. Others' weights do not wait for that."""
        guest = self._enter(name, invite)
        try:
            yield guest.voice
        finally:
            self._leave(name, guest)

    def close(self) -> None:
        """When all that was asked has been spoken; nobody is let in any more."""
        with self._lock:
            gone, self._guests, self._most = list(self._guests.values()), {}, 0
        _close(gone)

    def __len__(self) -> int:
        return len(self._guests)

    def _enter(self, name: str, invite: Callable[[], T]) -> Guest[T]:
        if known := self._known(name):
            return known
        with self._opening:
            if known := self._known(name):
                return known
            self._make_room()
            guest = Guest(invite())
            with self._lock:
                self._guests[name] = guest
            return guest

    def _known(self, name: str) -> Guest[T] | None:
        with self._lock:
            guest = self._guests.get(name)
            if guest and guest.voice.broken:
                del self._guests[name]  # another takes its place; who uses it hears of it
                guest.voice.close()
                return None
            if guest:
                guest.users += 1
            return guest

    def _make_room(self) -> None:
        with self._lock:
            if len(self._guests) < self._most:
                return
            idle = [name for name, guest in self._guests.items() if not guest.users]
            if not idle:
                raise EngineBusy(
                    f"{self._most} trained voices speak now, and there is room for no more.",
                    code="voices_busy",
                )
            gone = [self._guests.pop(idle[0])]
        _close(gone)

    def _leave(self, name: str, guest: Guest[T]) -> None:
        with self._lock:
            guest.users -= 1
            guest.until = time.monotonic() + self._seconds
            if self._guests.get(name) is guest:
                self._guests[name] = self._guests.pop(name)
            self._forget_later()

    def _forget_later(self) -> None:
        """For who left first."""
        idle = [guest.until for guest in self._guests.values() if not guest.users]
        if idle:
            self._reminder.ask(idle[0])

    def _forget_old(self) -> None:
        now = time.monotonic()
        with self._lock:
            old = [name for name, one in self._guests.items() if not one.users and one.until <= now]
            gone = [self._guests.pop(name) for name in old]
            self._forget_later()
        _close(gone)


def _close(gone: list[Guest[T]]) -> None:
    """And out of memory: a batch's parts know each other."""
    while gone:
        gone.pop().voice.close()
    gc.collect()
