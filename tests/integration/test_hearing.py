"""Bells taken several at one go: no more than can be begun, none lost, none heard twice."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest
from celery.worker import state
from kombu import Connection, Consumer

from config.celery import bell_queue, hearing, transport_options
from jobs.bell import RedisBell, Ring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    OpenEar = Callable[[int], "Ear"]

QUEUE = "cpu"


class Ear:
    """A worker's consumer with so many slots, without the worker."""

    def __init__(self, broker: str, slots: int) -> None:
        self.connection = Connection(hearing(broker), transport_options=transport_options(broker))
        self.messages: list[Any] = []
        hears = self.messages.append
        consumer = Consumer(self.connection, [bell_queue(QUEUE, broker)], on_message=hears)
        consumer.qos(prefetch_count=slots)
        consumer.consume()

    def listen(self) -> list[str]:
        """The jobs heard of at one go."""
        before = len(self.messages)
        self.connection.drain_events(timeout=3)
        return [message.decode()[0][0] for message in self.messages[before:]]

    def close(self) -> None:
        for message in self.messages:
            message.ack()
        self.connection.close()


@pytest.fixture
def bell(db: None) -> RedisBell:
    return RedisBell()


@pytest.fixture
def open_ear(db: None, settings: Any) -> Iterator[Callable[[int], Ear]]:
    with ExitStack() as ears:

        def open_one(slots: int) -> Ear:
            return ears.enter_context(closing(Ear(settings.BROKER_URL, slots)))

        yield open_one


def ring(bell: RedisBell, count: int) -> list[str]:
    jobs = [f"job {number}" for number in range(count)]
    bell.ring(QUEUE, [Ring(job, "synthesize") for job in jobs])
    return jobs


def test_several_bells_are_taken_at_one_go(bell: RedisBell, open_ear: OpenEar) -> None:
    ear, jobs = open_ear(8), ring(bell, 6)
    assert ear.listen() == jobs[:4]
    assert ear.listen() == jobs[4:]


def test_half_the_slots_at_most_so_that_others_hear_the_rest(
    bell: RedisBell, open_ear: OpenEar
) -> None:
    one, other = open_ear(4), open_ear(4)
    jobs = ring(bell, 4)
    assert (one.listen(), other.listen()) == (jobs[:2], jobs[2:])


def test_a_worker_whose_slots_are_taken_hears_one_bell_at_a_time(
    bell: RedisBell, open_ear: OpenEar, busy: list[Any]
) -> None:
    ear, jobs = open_ear(8), ring(bell, 3)
    assert len(busy) == 7
    assert [ear.listen() for _ in jobs] == [[job] for job in jobs]


class Request:
    """Something that occupies a slot."""


@pytest.fixture
def busy() -> Iterator[list[Any]]:
    requests = [Request() for _ in range(7)]
    for request in requests:
        state.reserved_requests.add(request)
    yield requests
    for request in requests:
        state.reserved_requests.discard(request)


def test_no_slot_is_too_few_to_hear_a_bell(bell: RedisBell, open_ear: OpenEar) -> None:
    ear, jobs = open_ear(1), ring(bell, 2)
    assert ear.listen() == jobs[:1]
    assert bell.depth(QUEUE) == 1


def test_waiting_in_vain_costs_no_bell(bell: RedisBell, open_ear: OpenEar) -> None:
    ear = open_ear(8)
    with pytest.raises(socket.timeout):
        ear.connection.drain_events(timeout=1.5)  # longer than one BRPOP waits
    jobs = ring(bell, 4)
    assert ear.listen() == jobs


def test_after_a_lost_connection_each_bell_is_heard_once(
    bell: RedisBell, open_ear: OpenEar
) -> None:
    ear = open_ear(8)
    with pytest.raises(socket.timeout):
        ear.connection.drain_events(timeout=0.1)
    bell.client.client_kill_filter(_type="normal", skipme=True)
    with pytest.raises(ear.connection.connection_errors):
        ear.listen()
    jobs, heard = ring(bell, 8), list[str]()
    until = time.monotonic() + 10
    while len(heard) < len(jobs) and time.monotonic() < until:
        heard += ear.listen()
    assert heard == jobs


def test_another_broker_is_read_as_it_is() -> None:
    for broker in ("amqp://guest@here//", "rediss://here/0"):
        assert hearing(broker) == broker
    assert hearing("redis://here:1/2") == "bells://here:1/2"
    assert hearing("redis+socket:///a?virtual_host=1") == "bells+socket:///a?virtual_host=1"
