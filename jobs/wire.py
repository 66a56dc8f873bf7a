"""Redis as a hint: who should look at the ledger now. Nothing is lost when a hint is."""

from __future__ import annotations

import logging
import threading
import time
from functools import cache
from typing import TYPE_CHECKING

import redis
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

READY = "voicemill:ready"
EVENTS = "voicemill:events"
PATIENCE = 0.5
SILENCE = 5.0

log = logging.getLogger(__name__)


@cache
def redis_client() -> redis.Redis:
    """One pool per process, with short patience: a broker that hangs must not hold a caller."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        health_check_interval=25,
    )


class Hints:
    """Publishes, and stays silent for a while after a failure so that nobody waits on it twice."""

    def __init__(self) -> None:
        self._silent_until = 0.0
        self._lock = threading.Lock()

    def publish(self, channel: str, message: str) -> None:
        if time.monotonic() < self._silent_until:
            return
        try:
            redis_client().publish(channel, message)
        except (redis.RedisError, OSError) as error:
            with self._lock:
                self._silent_until = time.monotonic() + SILENCE
            log.warning("hint not published: %s", error)


_hints = Hints()


def hint_ready(queues: Iterable[str]) -> None:
    """Tell the dispatcher that these queues have something new."""
    _hints.publish(READY, ",".join(sorted(set(queues))))


def hint_events(*told: tuple[UUID | str, UUID | str]) -> None:
    """Tell whoever waits that there is an event of these jobs; each goes with its tenant."""
    if told:
        _hints.publish(EVENTS, ",".join(f"{job_id}:{tenant_id}" for job_id, tenant_id in told))
