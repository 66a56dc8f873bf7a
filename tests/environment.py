"""A pytest plugin that is loaded before Django: where the tests' own servers will be."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from fleet.services import Services

FOLDER = Path(tempfile.mkdtemp(prefix="vmt-", dir="/tmp"))
SERVICES = Services.under(FOLDER, FOLDER, durable=False)
DATABASE = "test_voicemill"
RABBITMQ = os.environ.pop("AMQP_URL", "")  # for the tests of RabbitMQ alone

os.environ.update(
    {
        "SECRET_KEY": "only-for-tests-and-long-enough-to-please-every-check-of-length",
        "DATABASE_URL": SERVICES.postgres.url,
        "REDIS_URL": SERVICES.redis.url,
        "AUDIO_FOLDER": str(FOLDER / "audio"),
        "MODELS_DIR": str(FOLDER / "models"),
        "ENGINES": "espeak,piper,echo=tests.engines:EchoEngine,journal=tests.engines:JournalEngine"
        ",mimic=tests.engines:MimicEngine",
        "ALLOWED_HOSTS": "*",
        "LEASE_SECONDS": "3",
        "DRAIN_SECONDS": "1",
        "RING_AGAIN_SECONDS": "1",
        "RETRY_BASE_SECONDS": "0.05",
        "WORKER_ALIVE_SECONDS": "6",
        "LOG_LEVEL": "WARNING",
    }
)


def leave_nothing(owner: int) -> None:
    """Gone with the process that made it, and not with a fork of it."""
    if os.getpid() == owner:
        shutil.rmtree(FOLDER, ignore_errors=True)


atexit.register(leave_nothing, os.getpid())


def child_environment(**more: str) -> dict[str, str]:
    """The environment of a process that works on the tests' database."""
    return os.environ | {"DATABASE_URL": SERVICES.postgres.url_of(DATABASE)} | more
