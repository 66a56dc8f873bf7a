"""The Celery app: a conveyor of bells. The ledger decides what a bell is worth."""

from __future__ import annotations

import os
from typing import Any

import django
from celery import Celery, signals
from kombu import Queue
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

TRANSPORT_ALIASES["bells"] = "jobs.hearing:Transport"

# Without Celery's own care for Django, which opens a connection to the database for each task.
app = Celery("voicemill", fixups=[])


def transport_options(broker: str) -> dict[str, object]:
    """On Redis nothing is kept to be redelivered: an unanswered bell is rung again."""
    if not broker.startswith("redis"):
        return {}
    return {"ack_emulation": False, "health_check_interval": 25, "priority_steps": [0]}


def hearing(broker: str) -> str:
    """The broker as workers read it: from Redis several bells at one go."""
    scheme, _, rest = broker.partition(":")
    names = {"redis": "bells", "redis+socket": "bells+socket"}
    return f"{names.get(scheme, scheme)}:{rest}"


def configure() -> None:
    from django.conf import settings

    app.conf.update(
        broker_url=settings.BROKER_URL,
        broker_read_url=hearing(settings.BROKER_URL),
        broker_transport_options=transport_options(settings.BROKER_URL),
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        imports=settings.WORKER_MODULES,
        task_queues=[bell_queue(name, settings.BROKER_URL) for name in settings.QUEUES],
        task_default_queue="cpu",
        task_create_missing_queues=False,
        task_ignore_result=True,
        task_acks_late=False,
        task_publish_retry=False,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_disable_rate_limits=True,
        worker_soft_shutdown_timeout=settings.DRAIN.total_seconds() + 5,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_max_tasks_per_child=None,
    )


def bell_queue(name: str, broker: str) -> Queue:
    """A quorum queue on RabbitMQ, a list on Redis."""
    arguments = {"x-queue-type": "quorum"} if broker.startswith("amqp") else None
    return Queue(name, routing_key=name, queue_arguments=arguments)


def keep_connection(**_: object) -> None:
    """As between two requests: a connection stays open unless it broke or is old."""
    from django.db import close_old_connections

    close_old_connections()


def leave_logging_alone(**_: object) -> None:
    """Celery sets nothing up where somebody listens: LOG_LEVEL and LOG_FORMAT are for all lines."""


def be_quiet(instance: Any, **_: object) -> None:
    """No banner and no farewell on stdout, among the log's lines."""
    from celery.apps import worker

    instance.quiet = True
    worker.safe_say = lambda *_: None  # type: ignore[attr-defined]


app.on_configure.connect(lambda **_: configure(), weak=False)
signals.import_modules.connect(lambda **_: django.setup(), sender=app, weak=False)
signals.setup_logging.connect(leave_logging_alone, weak=False)
signals.celeryd_after_setup.connect(be_quiet, weak=False)
signals.task_postrun.connect(keep_connection, weak=False)
