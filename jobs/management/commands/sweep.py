"""manage.py sweep: remove what nothing names any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand

from jobs.dispatch import run_sweeps

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Remove what has had its time, as the dispatcher does by itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Count, and remove nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        every = [*settings.SWEEPS, *settings.PROMPT_SWEEPS]
        for name, removed in run_sweeps(every, dry_run=options["dry_run"]).items():
            self.stdout.write(f"{name}: {removed}")
