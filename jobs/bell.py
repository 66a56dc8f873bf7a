"""The bell: a message that carries a job's id and nothing else."""

from __future__ import annotations

import base64
import json
import uuid
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import redis
from celery import current_app
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

EMBED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


class Ring(NamedTuple):
    job_id: str
    kind: str


class Bell(Protocol):
    def ring(self, queue: str, rings: Sequence[Ring]) -> None:
        """Ring for each job, all in one go where the broker can."""

    def depth(self, queue: str) -> int:
        """How many bells lie unheard."""


def task_name(queue: str, kind: str) -> str:
    return f"{settings.QUEUES[queue]}.{kind}"


class RedisBell:
    """Celery's own message format, pushed in bulk: thirty times cheaper than apply_async."""

    def __init__(self) -> None:
        self.client = redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=3, health_check_interval=25
        )

    def ring(self, queue: str, rings: Sequence[Ring]) -> None:
        self.client.lpush(queue, *(message(queue, ring) for ring in rings))

    def depth(self, queue: str) -> int:
        return int(self.client.llen(queue))


class CeleryBell:
    """Any other broker: Celery publishes, one message after the other."""

    def ring(self, queue: str, rings: Sequence[Ring]) -> None:
        with current_app.producer_pool.acquire(block=True) as producer:
            for ring in rings:
                current_app.send_task(
                    task_name(queue, ring.kind),
                    args=(ring.job_id,),
                    queue=queue,
                    producer=producer,
                    ignore_result=True,
                )

    def depth(self, queue: str) -> int:
        with current_app.connection_or_acquire() as connection:
            here: Any = current_app.amqp.queues[queue](connection.default_channel)
            return int(here.queue_declare().message_count)


def message(queue: str, ring: Ring) -> str:
    """One Celery message (protocol 2) as kombu's Redis transport writes it."""
    tag = str(uuid.uuid4())
    return json.dumps(
        {
            "body": base64.b64encode(json.dumps([[ring.job_id], {}, EMBED]).encode()).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": _headers(tag, task_name(queue, ring.kind), ring.job_id),
            "properties": {
                "correlation_id": tag,
                "delivery_tag": tag,
                "reply_to": "",
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": 0,
                "body_encoding": "base64",
            },
        }
    )


def _headers(tag: str, task: str, job_id: str) -> dict[str, Any]:
    return {
        "lang": "py",
        "task": task,
        "id": tag,
        "root_id": tag,
        "parent_id": None,
        "group": None,
        "argsrepr": job_id,  # what Flower shows
        "kwargsrepr": "{}",
        "origin": "dispatcher",
        "ignore_result": True,
        "retries": 0,
        "eta": None,
        "expires": None,
        "timelimit": [None, None],
    }


@cache
def the_bell() -> Bell:
    return CeleryBell() if settings.AMQP_URL else RedisBell()
