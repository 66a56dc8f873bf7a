"""A worker's presence in the ledger: it announces itself, beats, drains and leaves."""

from __future__ import annotations

import logging
import os
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celery import signals
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.backends.signals import connection_created

from jobs.draining import Ear
from jobs.keeper import LOOK_EVERY
from jobs.prepared import read_by_index
from jobs.schema import schema
from jobs.services import workers
from jobs.tallies import tallies
from jobs.wire import hint_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)


class Presence:
    """What this worker process says of itself. Forked children inherit the name."""

    def __init__(self) -> None:
        self.name = f"process@{os.getpid()}"
        self.engines_of: Callable[[str], Mapping[str, Mapping[str, Any]]] = lambda _: {}
        self._stopping, self._leaving = threading.Event(), threading.Event()
        self._known, self._beat_at = False, 0.0

    def come_in(self) -> None:
        """Where the ledger is away there is nothing to find out: what work comes waits for it."""
        self._attempt(lambda: schema.wait(self._leaving))
        connection.close()

    def start(self, consumer: Any) -> None:
        queue = next(iter(consumer.task_consumer.queues)).name
        worker = workers.Announcement(
            name=self.name,
            queue=queue,
            slots=consumer.pool.num_processes,
            pid=os.getpid(),
            engines=self.engines_of(queue),
        )
        heed = Ear(consumer, queue, self.name).heed
        told = (worker, heed)
        threading.Thread(target=self._stay, args=told, name="presence", daemon=True).start()

    def drain(self) -> None:
        """In a thread of its own: this is called from a signal handler."""
        self._stopping.set()
        threading.Thread(target=self._attempt, args=(self._drain,)).start()

    def leave(self) -> None:
        self._leaving.set()
        self._attempt(lambda: workers.dismiss_worker(name=self.name))

    def _stay(self, worker: workers.Announcement, heed: Callable[[], None]) -> None:
        pause = min(LOOK_EVERY, settings.WORKER_ALIVE.total_seconds() / 3)
        while not self._leaving.is_set():
            self._attempt(partial(self._look, worker, heed))
            self._leaving.wait(pause)
        connection.close()

    def _look(self, worker: workers.Announcement, heed: Callable[[], None]) -> None:
        if time.monotonic() >= self._beat_at:
            self._say(worker)
            self._beat_at = time.monotonic() + settings.WORKER_ALIVE.total_seconds() / 3
        if self._stopping.is_set():  # and stays so, whoever resumes it
            workers.drain_worker(name=worker.name)
        heed()

    def _say(self, worker: workers.Announcement) -> None:
        """Announced again only where the ledger forgot it: an announcement ends a drain."""
        if not self._known or not workers.beat(name=worker.name, memory_mb=resident_mb()):
            workers.announce_worker(worker)
            hint_ready([worker.queue])
        self._known = True

    def _drain(self) -> None:
        log.info("asked to stop: draining")
        workers.drain_worker(name=self.name)
        connection.close()

    def _attempt(self, action: Callable[[], Any]) -> bool:
        try:
            action()
        except DatabaseError as error:
            log.warning("presence not noted: %s", error)
            connection.close()
            return False
        return True


_presence = Presence()


def worker_name() -> str:
    return _presence.name


def present_worker(engines_of: Callable[[str], Mapping[str, Mapping[str, Any]]]) -> None:
    """Called by a worker package: what its engines can do, by queue."""
    _presence.engines_of = engines_of


def resident_mb() -> int:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


@signals.celeryd_init.connect(weak=False)
def _take_name(sender: str = "", **_: Any) -> None:
    _presence.name = sender
    connection_created.connect(read_by_index)
    tallies.start()


@signals.worker_init.connect(weak=False)
def _come_in(**_: Any) -> None:
    _presence.come_in()


@signals.worker_process_init.connect(weak=False)
def _count_apart(**_: Any) -> None:
    tallies.start()


@signals.worker_process_shutdown.connect(weak=False)
def _tell_last(**_: Any) -> None:
    tallies.stop()


@signals.worker_ready.connect(weak=False)
def _announce(sender: Any = None, **_: Any) -> None:
    _presence.start(sender)


@signals.worker_shutting_down.connect(weak=False)
def _drain(**_: Any) -> None:
    _presence.drain()


@signals.worker_shutdown.connect(weak=False)
def _leave(**_: Any) -> None:
    _presence.leave()
