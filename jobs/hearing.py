"""Hearing bells on Redis: kombu's transport, which takes several at one go where slots are idle."""

from __future__ import annotations

from json import loads
from typing import Any

from celery.worker import state
from kombu.transport import redis


class Channel(redis.Channel):
    """BRPOP waits for one bell; an RPOP sent right behind it takes those that came with it.

    Only what this worker can begin at once, and no more than half its slots, so that what it
    leaves is heard by the queue's other workers.
    """

    connection_errors: tuple[type[Exception], ...]
    _asked = ""  # the queue of which more than one bell is asked for

    def _brpop_start(self, timeout: float | None = None) -> None:
        super()._brpop_start(timeout)  # type: ignore[misc]  # the stubs leave it out
        queues, more = list(self.active_queues), self._more()
        self._asked = queues[0] if len(queues) == 1 and more > 0 else ""
        if self._asked:
            # No health check here: its answer would be looked for behind that of BRPOP.
            self.client.connection.send_command("RPOP", self._asked, more, check_health=False)

    def _more(self) -> int:
        slots: int = self.qos.prefetch_count
        return min(slots - len(state.reserved_requests), slots // 2) - 1

    def _brpop_read(self, **options: Any) -> Any:
        """Both answers are read whatever the first one brought, unless the connection broke."""
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # the stubs leave it out
        except self.connection_errors:
            self._asked = ""
            raise
        finally:
            if self._asked:
                self._rpop_read()

    def _rpop_read(self) -> None:
        try:
            bells = self.client.parse_response(self.client.connection, "RPOP")
        except self.connection_errors:
            self.client.connection.disconnect()
            raise
        for bell in bells or ():
            self.connection._deliver(loads(bell), self._asked)  # noqa: SLF001 - as kombu itself does


class Transport(redis.Transport):
    Channel = Channel
