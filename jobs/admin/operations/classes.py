"""Hardware classes as they stand: what waits and runs, what was lost of late, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from jobs.admin.operations.history import History, read_histories
from jobs.admin.operations.hour import Hour
from jobs.metrics import LIVE, MOST, WORKERS
from jobs.models import Queue
from jobs.states import State
from tenants.admin.words import NOTHING, badge, duration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.utils.safestring import SafeString

    from jobs.admin.operations.failures import Failing

COUNTED = 2_000  # jobs of a queue that a look counts


@dataclass(slots=True)
class HardwareClass:
    """One queue, now and in the last hour."""

    name: str
    paused: bool
    history: History
    workers: int = 0
    slots: int = 0
    running: int = 0
    depth: int = 0
    seconds: float = 0.0
    oldest: float = 0.0
    failed: int = 0
    is_deeper: bool = False

    @property
    def hour(self) -> Hour:
        return Hour(self.history)

    @property
    def state(self) -> SafeString:
        if self.paused:
            return badge("paused", "warn", "It takes jobs and hands none out")
        if not self.workers:
            return badge("no worker", "bad" if self.depth else "plain", "Its jobs wait for one")
        return badge("open", "good")

    @property
    def is_quiet(self) -> bool:
        """Nothing to see here: no worker, no job, and none in the last hour."""
        now = self.workers or self.running or self.depth or self.paused
        return not now and self.history.is_quiet

    @property
    def in_line(self) -> str:
        return f"{self.depth:,}+" if self.is_deeper else f"{self.depth:,}"

    @property
    def work(self) -> str:
        return self._at_least(duration(self.seconds)) if self.depth else NOTHING

    @property
    def expected(self) -> str:
        """How long until all in line has begun, should no more come."""
        if not self.depth:
            return NOTHING
        if self.paused or not self.slots:
            return "paused" if self.paused else "no worker"
        return self._at_least(duration(self.seconds / self.slots))

    @property
    def waited(self) -> str:
        """Of late: half of them at most so long, and nineteen of twenty at most so long."""
        half, most = (self.history.waited_lately(share) for share in (0.5, 0.95))
        if half is None or most is None:
            return NOTHING
        return f"{duration(half)} / {duration(most)}"

    @property
    def oldest_waits(self) -> str:
        return duration(self.oldest) if self.depth else NOTHING

    @property
    def jobs_address(self) -> str:
        return _jobs(queue=self.name)

    @property
    def failed_address(self) -> str:
        return _jobs(queue=self.name, state=State.FAILED)

    def _at_least(self, text: str) -> str:
        return f"over {text}" if self.is_deeper else text

    def look_deeper(self) -> None:
        """A long line is not counted at each look, but taken from the last sample."""
        self.is_deeper = self.depth >= COUNTED
        if self.is_deeper and (last := self.history.fresh) and last.depth > self.depth:
            self.depth, self.seconds = last.depth, last.seconds
            self.is_deeper = last.depth >= MOST


def read_classes(now: datetime, failures: Sequence[Failing]) -> list[HardwareClass]:
    """Where more failed than `failures` looked at, their count in the samples is nearer."""
    histories = read_histories(now)
    found = {
        name: HardwareClass(name, paused, histories.get(name) or History(now, []))
        for name, paused in Queue.objects.values_list("name", "paused")
    }
    for name, workers, slots in WORKERS.rows(settings.WORKER_ALIVE):
        found[name].workers, found[name].slots = workers, int(slots)
    for name, state, _, jobs, seconds, oldest in LIVE.rows(COUNTED):
        one = found[name]
        if state == State.RUNNING:
            one.running += jobs
        else:
            one.depth, one.seconds = one.depth + jobs, one.seconds + seconds
            one.oldest = max(one.oldest, oldest)
    for name, one in found.items():
        one.look_deeper()
        seen = sum(failing.jobs for failing in failures if failing.queue == name)
        one.failed = max(seen, one.history.total(lambda sample: sample.failed))
    return list(found.values())


def _jobs(**asked: str) -> str:
    return f"{reverse('admin:jobs_job_changelist')}?{urlencode(asked)}"
