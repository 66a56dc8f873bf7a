"""Calls of several threads made as one: while one statement runs, the next calls gather."""

from __future__ import annotations

import threading
from dataclasses import dataclass
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

    def answer(self) -> Told | None:
        if self.error is not None:
            raise self.error
        return self.told


class Together(Generic[Asked, Told]):
    """A call returns when what it asked for is committed, and waits for none that came later.

    Whoever comes while nothing runs does all that has gathered, on its own connection. Inside a
    transaction a call stands alone, for it must come and go with that transaction.
    """

    def __init__(self, do_all: Callable[[Sequence[Asked]], Sequence[Told]]) -> None:
        self._do_all = do_all
        self._turn = threading.Condition()
        self._gathered: list[Call[Asked, Told]] = []
        self._running = False

    def __call__(self, asked: Asked) -> Told | None:
        call: Call[Asked, Told] = Call(asked)
        if connection.in_atomic_block:
            self._do([call])
        elif calls := self._gather(call):
            self._lead(calls)
        return call.answer()

    def _gather(self, call: Call[Asked, Told]) -> list[Call[Asked, Told]]:
        """Wait until it is done, or until it falls to this call to do all that has gathered."""
        with self._turn:
            self._gathered.append(call)
            self._turn.wait_for(lambda: call.done or not self._running)
            if call.done:
                return []
            self._running = True
            calls, self._gathered = self._gathered, []
        return calls

    def _lead(self, calls: list[Call[Asked, Told]]) -> None:
        try:
            self._do(calls)
        finally:
            with self._turn:
                self._running = False
                self._turn.notify_all()

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
