"""The bell rung in bulk is a message as Celery itself writes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kombu import Connection, Consumer, Exchange, Queue
from kombu.transport.virtual import Message

from config import celery_app
from jobs.bell import Ring, message, task_name

JOB = "019a0000-0000-7000-8000-000000000001"


def test_a_bell_names_the_task_of_its_queue_and_kind() -> None:
    assert task_name("cpu", "synthesize") == "synthesis_worker.synthesize"
    assert task_name("gpu.xtts", "clone") == "gpu_worker.clone"


def heard(raw: dict[str, Any]) -> Any:
    """The message as kombu hands it to a worker."""
    with Connection("memory://") as connection:
        channel: Any = connection.channel()
        return Message(raw, channel=channel)


def published_by_celery() -> dict[str, Any]:
    """What Celery puts into the broker for the same call."""
    with Connection("memory://") as connection:
        queue = Queue("cpu", Exchange(""), routing_key="cpu")
        with Consumer(connection.channel(), [queue]), connection.Producer() as producer:
            celery_app.send_task(
                "synthesis_worker.synthesize", args=(JOB,), queue="cpu", producer=producer
            )
        channel: Any = connection.channel()
        found: dict[str, Any] = channel._get("cpu")
    return found


@pytest.fixture
def ours() -> Any:
    return heard(json.loads(message("cpu", Ring(JOB, "synthesize"))))


def test_a_bell_decodes_to_the_call_celery_would_make(ours: Any) -> None:
    theirs = heard(published_by_celery())
    assert ours.decode() == theirs.decode() == [[JOB], {}, ours.decode()[2]]
    assert ours.content_type == theirs.content_type
    assert ours.content_encoding == theirs.content_encoding
    for header in ("lang", "task", "retries", "eta", "expires", "group", "timelimit"):
        assert ours.headers[header] == theirs.headers[header]
    missing = set(theirs.properties) - set(ours.properties)
    assert not missing


def test_a_bell_is_a_request_celery_accepts(ours: Any) -> None:
    from celery.worker.request import Request

    from synthesis_worker.tasks import synthesize

    request: Any = Request(ours, app=celery_app, task=synthesize)
    assert (request.args, request.kwargs) == ([JOB], {})
    assert request.task_name == "synthesis_worker.synthesize"
    assert request.delivery_info["routing_key"] == "cpu"


def test_a_bell_carries_the_id_and_nothing_of_the_job(ours: Any) -> None:
    assert ours.headers["argsrepr"] == JOB
    arguments, keywords, _ = ours.decode()
    assert (arguments, keywords) == ([JOB], {})
    assert ours.headers["ignore_result"] is True


def test_two_bells_for_one_job_are_two_messages() -> None:
    first, second = (json.loads(message("cpu", Ring(JOB, "x"))) for _ in range(2))
    assert first["headers"]["id"] != second["headers"]["id"]
    assert first["properties"]["delivery_tag"] != second["properties"]["delivery_tag"]
