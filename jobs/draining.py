"""A worker that drains hears no bells until it is resumed: its consumer leaves the queue."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from celery.worker import state

from jobs.services import steering, workers


class Ear:
    """One worker's consumer. Said again at each look: a connection that broke forgets it."""

    def __init__(self, consumer: Any, queue: str, name: str) -> None:
        self.consumer, self.queue, self.name = consumer, queue, name
        self._drains = False

    def heed(self) -> None:
        """Look whether this worker drains, and have the consumer come or go."""
        drains = workers.is_draining(name=self.name)
        if drains and not self._drains:
            self._pass_on()
        self._drains = drains
        if self._must_turn():
            self.consumer.call_soon(self._turn)

    def _must_turn(self) -> bool:
        """Without a connection there is no consumer; the next one begins as this one ended."""
        tasks = self.consumer.task_consumer
        return tasks is not None and tasks.consuming_from(self.queue) is self._drains

    def _turn(self) -> None:
        """In the consumer's own thread."""
        if not self._must_turn():
            return
        if self._drains:
            self.consumer.cancel_task_queue(self.queue)
        else:
            self.consumer.add_task_queue(self.queue)

    def _pass_on(self) -> None:
        """What was heard while every slot was taken need not wait for them."""
        with suppress(RuntimeError):  # a bell was heard just now; these are rung again in a while
            heard = set(state.reserved_requests) - set(state.active_requests)
            if job_ids := [request.args[0] for request in heard]:
                steering.pass_on(job_ids, worker=self.name)
