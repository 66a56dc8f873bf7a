"""The same jobs over RabbitMQ, by one setting. Run with AMQP_URL=amqp://... in the environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from jobs.models import Job, Usage, Worker
from tests.environment import RABBITMQ, child_environment
from voices.requests import SynthesisRequest
from voices.services import Ask, submit_synthesis
from voices.stock import load_stock_voices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tenants.callers import Caller

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not RABBITMQ, reason="AMQP_URL is not set: no RabbitMQ to test against"),
]


@contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = child_environment(AMQP_URL=RABBITMQ, WORKER_MODULES="synthesis_worker.tasks")
    started = subprocess.Popen([sys.executable, *command], env=environment, start_new_session=True)
    try:
        yield started
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def worker() -> tuple[str, ...]:
    return (
        *("-m", "celery", "-A", "config", "worker", "-Q", "cpu", "-n", "cpu@rabbit", "-c", "2"),
        *("-P", "threads", "--without-gossip", "--without-mingle", "--loglevel", "WARNING"),
    )


def wait_until(happened: Callable[[], bool], seconds: float = 40) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, list(Job.objects.values_list("state", "trail"))
        time.sleep(0.05)


def test_jobs_are_spoken_over_rabbitmq_and_survive_a_killed_worker(caller: Caller) -> None:
    load_stock_voices()
    with process("manage.py", "dispatch"):
        with process(*worker()) as doomed:
            wait_until(Worker.objects.exists)
            ids = [
                submit_synthesis(Ask(caller, SynthesisRequest(text=f"Sentence {n}.", voice=""))).id
                for n in range(20)
            ]
            wait_until(lambda: Job.objects.filter(state="succeeded").exists())
            doomed.kill()
        with process(*worker()):
            wait_until(lambda: not Job.objects.filter(ended_at=None).exists())
    assert Job.objects.filter(state="succeeded", id__in=ids).count() == len(ids)
    assert Usage.objects.count() == len(ids)
