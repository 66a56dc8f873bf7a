"""One port: a guard takes bodies whole, ordinary views run on threads, waiting costs none."""

from __future__ import annotations

import os
import resource
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from a2wsgi import WSGIMiddleware
from django.conf import settings

from config.bounded import bound_waiting
from config.guard import BodyGuard
from config.wsgi import application as wsgi
from jobs.waiting import Hub, WaitingRoom
from voices.streaming import AudioStreamer


def raise_open_files() -> None:
    """As many sockets as the machine lets us have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


raise_open_files()
bound_waiting(settings.DATABASE_SECONDS)
views: Any = WSGIMiddleware(wsgi, workers=settings.WEB_THREADS)  # type: ignore[arg-type]
app = BodyGuard(
    WaitingRoom(AudioStreamer(views), Hub(settings.REDIS_URL)),
    most=settings.MAX_BODY,
    seconds=settings.BODY_SECONDS,
)
