"""manage.py dispatch: run the dispatcher until told to stop."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand

from jobs.dispatch import Dispatcher
from jobs.tallies import tallies


class Command(BaseCommand):
    help = "Ring workers for jobs that are ready, by fair share. Two may run at once."

    def handle(self, *args: Any, **options: Any) -> None:
        dispatcher = Dispatcher()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: dispatcher.stop.set())
        tallies.start()
        dispatcher.run()
