"""One port: a guard takes bodies whole, ordinary views run on threads, waiting costs none."""

from __future__ import annotations

import os
import resource

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from a2wsgi import WSGIMiddleware
from django.conf import settings

from config.guard import BodyGuard
from config.wsgi import application as wsgi
from jobs.waiting import Hub, WaitingRoom
from voices.streaming import AudioStreamer

_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

app = BodyGuard(
    WaitingRoom(
        AudioStreamer(WSGIMiddleware(wsgi, workers=settings.WEB_THREADS)),
        Hub(settings.REDIS_URL),
    ),
    most=settings.MAX_BODY,
    seconds=settings.BODY_SECONDS,
)
