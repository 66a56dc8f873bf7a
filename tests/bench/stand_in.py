"""Announces a worker that is not there, with room for all: bells are rung and nobody hears them."""

from __future__ import annotations

import django

django.setup()

from jobs.services.workers import Announcement, announce_worker  # noqa: E402
from synthesis_worker.equipment import capabilities_by_engine  # noqa: E402

if __name__ == "__main__":
    engines = capabilities_by_engine("cpu")
    announce_worker(Announcement(name="stand-in", queue="cpu", slots=10**6, pid=0, engines=engines))
