"""The dispatcher: looks at the ledger, rings the bells, and does what time asks for."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

import redis
from amqp import AMQPError
from celery.exceptions import OperationalError as BrokerError
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.utils.module_loading import import_string
from kombu.exceptions import KombuError

from jobs import wire
from jobs.bell import Bell, the_bell
from jobs.keeper import LOOK_EVERY, RENEWALS
from jobs.prepared import read_by_index
from jobs.samples import LOOKS, take_samples
from jobs.schema import schema
from jobs.services import filling, housekeeping, workers
from jobs.services.restored import mend_after_restore
from jobs.webhooks.postman import Postman

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BUSY = 0.02  # seconds between looks while there is backlog that moves
SLOW = 0.25  # and while it does not, because every slot is taken
AWAY_PAUSE = 0.5
IDLE = 1.0  # and at rest; a hint wakes it sooner
MEND_EVERY = 5.0
SWEEP_PROMPTLY = 5.0
AWAY = (DatabaseError, redis.RedisError, BrokerError, KombuError, AMQPError, OSError)

log = logging.getLogger(__name__)


class Every:
    """Does something no more often than each so many seconds."""

    def __init__(self, seconds: float, action: Callable[[], object]) -> None:
        self.seconds, self.action, self._next = seconds, action, 0.0

    def __call__(self) -> None:
        if time.monotonic() >= self._next:
            self.action()
            self._next = time.monotonic() + self.seconds


class Dispatcher:
    """Two may run at once. A lost database or broker is waited for, however long it takes."""

    def __init__(self, bell: Bell | None = None) -> None:
        self.bell = bell or the_bell()
        self.stop = threading.Event()
        self.nudges = Nudges()
        self.chores = [
            Every(IDLE, housekeeping.queue_due_jobs),
            Every(IDLE, self.reap),
            Every(IDLE, housekeeping.expire_late_jobs),
            Every(IDLE, self.ring_unheard),
            Every(IDLE, self.ring_suspects),
            Every(MEND_EVERY, housekeeping.mend_lanes),
            Every(LOOKS, take_samples),
        ]
        self.pause = BUSY
        self._prepared: object = None
        self._reap_from = 0.0

    def run(self) -> None:
        """Until stopped."""
        self._until_back(self._come_in)
        for sweeper in (self._sweep_forever, self._sweep_promptly):
            threading.Thread(target=sweeper, daemon=True).start()
        postman = threading.Thread(target=Postman(self.stop).run, daemon=True)
        postman.start()
        while not self.stop.is_set():
            self._until_back(self.tick)
            self.nudges.wait(self.pause, stop=self.stop)
        self.nudges.close()
        postman.join()

    def _come_in(self) -> None:
        """Before anything else looks at the ledger."""
        schema.wait(self.stop)
        workers.ensure_queues(list(settings.QUEUES))

    def tick(self) -> None:
        """One look at everything."""
        self._prepare()
        for chore in self.chores:
            chore()
        self.fill_all()

    def fill_all(self) -> None:
        """Fill every window; look again soon where there is more than had room."""
        fills = [self.fill(queue) for queue in filling.queues_with_work()]
        if any(filled.rings for filled in fills):
            self.pause = BUSY
        elif any(filled.more for filled in fills):
            self.pause = min(max(self.pause, BUSY) * 1.5, SLOW)
        else:
            self.pause = IDLE

    def fill(self, queue: str) -> filling.Filled:
        filled = filling.fill_queue(queue)
        if filled.rings:
            self.bell.ring(queue, filled.rings)
            log.debug("rung on %s: %s", queue, filled.rings)
        return filled

    def ring_suspects(self) -> None:
        for queue in filling.open_queues():
            if rings := filling.ring_suspect(queue):
                self.bell.ring(queue, rings)

    def ring_unheard(self) -> None:
        """Ring again what was rung and never claimed, unless the broker still has the bells."""
        for queue in filling.open_queues():
            unheard = filling.unheard_bells(queue)
            if unheard.long or self.bell.depth(queue) < len(unheard.rings):
                self.bell.ring(queue, unheard.rings)
                filling.note_rung_again(unheard.rings)

    def reap(self) -> None:
        """Not while the ledger has only just come back: its workers could not extend a lease."""
        if time.monotonic() >= self._reap_from:
            housekeeping.reap_lost_leases()

    def _prepare(self) -> None:
        connection.ensure_connection()
        if self._prepared is not connection.connection:
            mend_after_restore()
            read_by_index(connection)
            self._prepared = connection.connection
            self._reap_from = time.monotonic() + grace_after_outage()

    def _until_back(self, action: Callable[[], None]) -> None:
        """Do it, and while the database or the broker is away, do it again a little later."""
        while not self.stop.is_set():
            try:
                return action()
            except AWAY as error:
                log.warning("dispatcher waits: %s", error)
                if isinstance(error, DatabaseError):
                    connection.close()
                self.stop.wait(AWAY_PAUSE)
        return None

    def _sweep_forever(self) -> None:
        """Sweeps take their time in a thread of their own, by dotted name: they may stand above."""
        while not self.stop.wait(settings.SWEEP_EVERY.total_seconds()):
            run_sweeps(settings.SWEEPS)
            connection.close()

    def _sweep_promptly(self) -> None:
        """What somebody waits for does not wait behind the listing of a whole store."""
        while not self.stop.wait(SWEEP_PROMPTLY):
            run_sweeps(settings.PROMPT_SWEEPS)
            connection.close()


def grace_after_outage() -> float:
    """Seconds in which every keeper has looked and extended once."""
    return LOOK_EVERY * 2 + settings.LEASE.total_seconds() / RENEWALS


def run_sweeps(names: Iterable[str], *, dry_run: bool = False) -> dict[str, int]:
    """What each sweep removed, or would remove. One that fails does not keep the others away."""
    done: dict[str, int] = {}
    for name in names:
        try:
            done[name] = import_string(name)(dry_run=dry_run)
        except Exception:
            log.exception("%s failed and will be tried again", name)
            connection.close()
    return done


class Nudges:
    """Waits for a hint that a lane has turned ready, or for the time to pass."""

    def __init__(self) -> None:
        self._hints: redis.client.PubSub | None = None

    def wait(self, seconds: float, stop: threading.Event) -> None:
        try:
            self._listen(seconds)
        except (redis.RedisError, OSError):
            self.close()
            stop.wait(min(seconds, BUSY))

    def close(self) -> None:
        if self._hints is not None:
            self._hints.close()
            self._hints = None

    def _listen(self, seconds: float) -> None:
        if self._hints is None:
            client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=wire.PATIENCE)
            self._hints = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
            self._hints.subscribe(wire.READY)
        self._hints.get_message(timeout=seconds)
        while self._hints.get_message(timeout=0):
            pass  # one look answers all that came in the meantime
