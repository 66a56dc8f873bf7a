"""Watches how jobs end, over and over: what has ended must stay as it is."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg2

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from tests.chaos.stage import Stage

EVERY = 0.7
ENDED = """
    SELECT id::text, state, fence, ended_at, result->>'sha256' FROM jobs_job
     WHERE ended_at IS NOT NULL OR state IN ('succeeded', 'failed', 'cancelled', 'expired')"""


class Watcher:
    """Remembers how each job ended when it was first seen so; `changed` are those that moved on."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.ends: dict[str, tuple[Any, ...]] = {}
        self.changed: set[str] = set()
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leaving.set()
        self._thread.join()

    def look(self) -> None:
        """Compare what has ended with what had. Raises while the database is away."""
        now = {job_id: tuple(end) for job_id, *end in self.stage.ask(ENDED)}
        self.changed |= {job_id for job_id, end in self.ends.items() if now.get(job_id) != end}
        self.ends = now | self.ends

    def _watch(self) -> None:
        while not self._leaving.wait(EVERY):
            try:
                self.look()
            except psycopg2.Error:
                continue  # crashed, or on its way back: the next look compares with the same
