"""The postman: a thread beside the dispatcher that takes up events and sends what is due."""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError
from django.db import connection

from jobs.prepared import read_by_index
from jobs.webhooks import deliveries, lookup, sending
from jobs.webhooks.fanning import fan_out
from tenants.about import begin

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from jobs.webhooks.deliveries import Claimed
    from jobs.webhooks.sending import Answer

REST = 0.25  # seconds between looks when nothing moves
AWAY_PAUSE = 0.5
PATIENCE = 5.0  # seconds at the end for answers that are on their way

log = logging.getLogger(__name__)


class Postman:
    """Two may run at once. Each message is sent by a thread that knows no database."""

    def __init__(self, stop: threading.Event, ask: lookup.Resolve = lookup.resolve) -> None:
        self.stop, self.ask = stop, ask
        self._busy: dict[UUID, Claimed] = {}
        self._back: queue.SimpleQueue[tuple[Claimed, Answer]] = queue.SimpleQueue()
        self._answered: list[tuple[Claimed, Answer]] = []

    def run(self) -> None:
        """Until stopped; what is not answered by then is sent again when its lease is over."""
        while not self.stop.is_set():
            more = self._attempt(self.tick)
            self._collect(0.0 if more else REST)
        until = time.monotonic() + PATIENCE
        while self._busy and time.monotonic() < until:
            self._collect(REST)
        self._attempt(self.note)
        connection.close()

    def tick(self) -> bool:
        """Note what came back, take up events, send what is due. True: there is more at once."""
        self.note()
        more = fan_out()
        for claimed in deliveries.claim_due(self._busy.values()):
            self._busy[claimed.id] = claimed
            threading.Thread(target=self._send, args=(claimed,), daemon=True).start()
        return more

    def _attempt(self, look: Callable[[], bool]) -> bool:
        """Whatever goes wrong, the thread goes on: what was sent and not noted is sent again."""
        try:
            if connection.connection is None:
                connection.ensure_connection()
                read_by_index(connection)
            return look()
        except DatabaseError as error:
            log.warning("webhooks wait: %s", error)
        except Exception:
            log.exception("webhooks failed and will be tried again")
        connection.close()
        self.stop.wait(AWAY_PAUSE)
        return False

    def _send(self, claimed: Claimed) -> None:
        begin({"delivery": claimed.id, "job": claimed.job_id, "tenant": claimed.tenant_id})
        answer = sending.send(claimed.letter, self.ask)
        log.info("try %d: %s", claimed.tried + 1, answer.status or "no answer")
        self._back.put((claimed, answer))

    def _collect(self, seconds: float) -> None:
        """Answers that have come; the first is waited for."""
        try:
            self._take(self._back.get(timeout=seconds) if seconds else self._back.get_nowait())
            while True:
                self._take(self._back.get_nowait())
        except queue.Empty:
            pass

    def _take(self, back: tuple[Claimed, Answer]) -> None:
        self._busy.pop(back[0].id, None)  # two may come back where a lease was over
        self._answered.append(back)

    def note(self) -> bool:
        """Answers are kept until the ledger has taken them. Never more at once."""
        if self._answered:
            deliveries.note_answers(self._answered)
            self._answered = []
        return False
