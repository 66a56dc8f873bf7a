"""One port: a guard takes bodies whole, synthesis has its own intake, views run on threads."""

from __future__ import annotations

import os
import resource

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings

from config.access import Access
from config.bounded import bound_waiting
from config.guard import BodyGuard
from config.health import Pulse, Readiness
from config.scraping import Scraping
from config.server import Uvicorn
from config.threads import ViewThreads
from config.wsgi import application as wsgi
from jobs.hub import Hub
from jobs.streams.serving import Streams
from jobs.tallies import tallies
from jobs.waiting import WaitingRoom
from voices.api.answers import answer_all
from voices.intake import Intake
from voices.streaming import AudioStreamer


def raise_open_files() -> None:
    """As many sockets as the machine lets us have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


raise_open_files()
bound_waiting(settings.DATABASE_SECONDS)
views = ViewThreads(wsgi, threads=settings.WEB_THREADS, most_waiting=settings.WEB_QUEUE)
speech = Intake(AudioStreamer(views), answer_all, most_waiting=settings.WEB_QUEUE)
hub = Hub(settings.REDIS_URL)
streams = Streams(
    WaitingRoom(speech, hub), hub, most=settings.MAX_STREAMS, most_opening=settings.WEB_QUEUE
)
guard = BodyGuard(streams, most=settings.MAX_BODY, seconds=settings.BODY_SECONDS)
named = Access(Pulse(Readiness(Scraping(guard))), lines=settings.LOG_ACCESS)
app = Uvicorn(named, on_stopping=streams.leave)
tallies.start()
