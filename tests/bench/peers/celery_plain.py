"""Celery alone: delay and forget. What Redis had when it fell is gone, and so is its job."""

from __future__ import annotations

import os
import time

import redis
from celery import Celery

from tests.bench.on_demand import serve

LOOK_EVERY = 0.1
QUEUE = "celery"

app = Celery("plain", broker=os.environ["BROKER_URL"])
app.conf.update(
    task_ignore_result=True,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)


@app.task(name="noop")
def noop(job_id: str) -> None:
    """Nothing."""


def submit_and_wait(count: int) -> None:
    for number in range(count):
        noop.delay(f"job {number}")
    broker = redis.Redis.from_url(os.environ["REDIS_URL"])
    while broker.llen(QUEUE) or broker.hlen("unacked"):
        time.sleep(LOOK_EVERY)


if __name__ == "__main__":
    serve(submit_and_wait)
