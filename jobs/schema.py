"""Whether the ledger's tables are as new as this code; newer ones are as good."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

if TYPE_CHECKING:
    import threading

LOOK_EVERY = 2.0

log = logging.getLogger(__name__)


class Schema:
    """Found complete once, it is not asked for again: a migration is never taken back."""

    def __init__(self) -> None:
        self._complete = False

    def is_complete(self) -> bool:
        """Whether the ledger has all the migrations that this code has. Says what is missing."""
        if not self._complete:
            missing = _missing_migrations()
            self._complete = not missing
            if missing:
                log.error(
                    "the ledger is behind this code: run `manage.py migrate` first (missing: %s)",
                    ", ".join(missing),
                )
        return self._complete

    def wait(self, stop: threading.Event) -> None:
        """Until it is complete, or told to stop."""
        while not stop.is_set() and not self.is_complete():
            connection.close()
            stop.wait(LOOK_EVERY)


def _missing_migrations() -> list[str]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{one.app_label}.{one.name}" for one, _ in plan]


schema = Schema()
