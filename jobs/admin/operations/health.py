"""Whether what the fleet stands on answers: database, broker, store, dispatcher, webhooks."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.module_loading import import_string

from jobs.metrics import CONNECTIONS, DELIVERIES, MOST
from jobs.prepared import Statement
from jobs.samples import SAMPLE_EVERY
from tenants.admin.words import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 0.5  # seconds the page waits for an answer
FRESH = 5.0  # and how long it trusts one
LATE = 3  # samples that may be missing before the dispatcher counts as away
WEBHOOKS_LATE = 60.0  # seconds
CROWDED = 0.8  # of the connections there are

LAST_SAMPLE = Statement(
    "operations_last_sample",
    (),
    """
    SELECT min(age) FROM (
      SELECT extract(epoch FROM now() - (SELECT max(at) FROM jobs_sample
                                          WHERE queue_id = q.name))::float8 AS age
        FROM jobs_queue q) AS ages
    """,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign of health, and how good it is."""

    name: str
    value: str
    tone: str = "good"
    title: str = ""


class Question:
    """Asked on a thread of its own: what hangs does not hold the page."""

    def __init__(self, asked: str) -> None:
        self.asked = asked
        self._thread = ThreadPoolExecutor(1, "operations")
        self._answer: Future[bool] | None = None
        self._asked_at = 0.0

    def is_answered(self) -> bool:
        if self._answer is None or (self._answer.done() and self._is_stale()):
            self._asked_at = time.monotonic()
            self._answer = self._thread.submit(self._ask)
        wait([self._answer], timeout=PATIENCE)
        return self._answer.done() and self._answer.result()

    def _is_stale(self) -> bool:
        return time.monotonic() - self._asked_at > FRESH

    def _ask(self) -> bool:
        try:
            import_string(self.asked)()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no answer
            log.warning("%s: %s", self.asked, error)
            return False
        return True


@cache
def _questions() -> dict[str, Question]:
    return {name: Question(asked) for name, asked in settings.HEALTH.items()}


def read_health() -> list[Sign]:
    return list(_signs())


def _signs() -> Iterator[Sign]:
    begun = time.monotonic()
    used, most = CONNECTIONS.row() or (0, 1)
    answered = (time.monotonic() - begun) * 1000
    yield Sign("Database", f"answers in {answered:.0f} ms")
    crowded = "warn" if used > CROWDED * most else "good"
    yield Sign("Connections", f"{used} of {most}", crowded, "To the database, by everybody")
    for name, question in _questions().items():
        good = question.is_answered()
        yield Sign(name, "answers" if good else "does not answer", "good" if good else "bad")
    yield _dispatcher()
    yield _webhooks()


def _dispatcher() -> Sign:
    """Alive is who takes samples."""
    (age,) = LAST_SAMPLE.row() or (None,)
    title = "It rings for jobs, and notes how the queues stand"
    if age is None:
        return Sign("Dispatcher", "not seen yet", "warn", title)
    away = age > LATE * SAMPLE_EVERY.total_seconds()
    return Sign("Dispatcher", f"seen {duration(age)} ago", "bad" if away else "good", title)


def _webhooks() -> Sign:
    pending, due, late = DELIVERIES.row(MOST) or (0, 0, 0.0)
    if not due:
        return Sign("Webhooks", f"{pending:,} to be tried later" if pending else "all told")
    tone = "warn" if late > WEBHOOKS_LATE else "good"
    return Sign("Webhooks", f"{due:,} due, the oldest for {duration(late)}", tone)
