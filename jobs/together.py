"""Calls of several threads made as one: while one statement runs, the next calls gather."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from django.db import DataError, IntegrityError, connection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Asked = TypeVar("Asked")
Told = TypeVar("Told")


@dataclass(slots=True, eq=False)
class Call(Generic[Asked, Told]):
    asked: Asked
    told: Told | None = None
    error: Exception | None = None
    done: bool = False
    turn: threading.Lock = field(default_factory=threading.Lock)  # held while it has to wait

    def answer(self) -> Told | None:
        if self.error is not None:
            raise self.error
        return self.told


class Together(Generic[Asked, Told]):
    """A call returns when what it asked for is committed, and waits for none that came later.

    Whoever comes while nothing runs does all that has gathered, on its own connection, and then
    leaves the next turn to the first of those who came meanwhile. While calls come several at a
    time, each turn begins `linger` seconds late, so that more can join it. Inside a transaction a
    call stands alone, for it must come and go with that transaction.
    """

    def __init__(
        self, do_all: Callable[[Sequence[Asked]], Sequence[Told]], *, linger: float = 0.0
    ) -> None:
        self._do_all = do_all
        self._linger = linger
        self._lock = threading.Lock()
        self._gathered: list[Call[Asked, Told]] = []
        self._running = self._crowded = False

    def __call__(self, asked: Asked) -> Told | None:
        call: Call[Asked, Told] = Call(asked)
        if connection.in_atomic_block:
            self._do([call])
        else:
            self._join(call)
            call.turn.acquire()
            if not call.done:
                self._lead()
        return call.answer()

    def _join(self, call: Call[Asked, Told]) -> None:
        """Have it wait, unless nothing runs: then it is its turn at once."""
        with self._lock:
            self._gathered.append(call)
            if self._running:
                call.turn.acquire()
            self._running = True

    def _lead(self) -> None:
        if self._crowded:
            time.sleep(self._linger)
        with self._lock:
            calls, self._gathered = self._gathered, []
            self._crowded = len(calls) > 1
        try:
            self._do(calls)
        finally:
            self._pass_on()
            for call in calls:
                call.turn.release()

    def _pass_on(self) -> None:
        with self._lock:
            self._running = bool(self._gathered)
            if self._gathered:
                self._gathered[0].turn.release()

    def _do(self, calls: list[Call[Asked, Told]]) -> None:
        try:
            for call, told in zip(calls, self._do_all([c.asked for c in calls]), strict=True):
                call.told = told
        except (DataError, IntegrityError) as error:
            self._do_apart(calls, error)
        except Exception as error:  # noqa: BLE001 - each caller raises it in its own thread
            for call in calls:
                call.error = error
        finally:
            for call in calls:
                call.done = True

    def _do_apart(self, calls: list[Call[Asked, Told]], error: Exception) -> None:
        """One of them asked for what cannot be: it alone must learn of that."""
        if len(calls) == 1:
            calls[0].error = error
            return
        for call in calls:
            self._do([call])
