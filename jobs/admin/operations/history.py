"""The last hour of each hardware class, minute by minute, out of the samples."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from jobs.prepared import Statement
from jobs.samples import SAMPLE_EVERY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    Buckets = Mapping[str, float]
    Series = list[float | None]

MINUTES = 60
LATELY = 15  # minutes whose waits are told in figures
MINUTE = 60.0

# The last sample of each minute is enough for a line of that many points.
LAST_HOUR = Statement(
    "operations_last_hour",
    ("int",),
    """
    SELECT s.queue_id, extract(epoch FROM s.at)::float8, s.depth, s.seconds, s.running, s.slots,
           s.done, s.failed, s.waits::text
      FROM jobs_queue q CROSS JOIN LATERAL (
        SELECT DISTINCT ON (date_trunc('minute', at)) * FROM jobs_sample
         WHERE queue_id = q.name AND at >= date_trunc('minute', now()) - $1 * interval '1 minute'
         ORDER BY date_trunc('minute', at), at DESC) AS s
     ORDER BY s.queue_id, s.at
    """,
)


@dataclass(frozen=True, slots=True)
class Sampled:
    """How a queue stood at the end of a minute; what is counted is counted since long ago."""

    at: float
    depth: int
    seconds: float
    running: int
    slots: int
    done: int
    failed: int
    waits: Buckets

    @property
    def minute(self) -> int:
        return int(self.at // MINUTE)


class History:
    """One queue's last hour. A minute without a sample is a gap, not a zero."""

    def __init__(self, now: datetime, samples: Sequence[Sampled]) -> None:
        self.now = now.timestamp()
        self.last = int(self.now // MINUTE)
        self.samples = samples
        self._by_minute = {sample.minute: sample for sample in samples}

    @property
    def fresh(self) -> Sampled | None:
        """The last sample, while it is as good as now."""
        last = self.samples[-1] if self.samples else None
        return last if last and self.now - last.at < 2 * SAMPLE_EVERY.total_seconds() else None

    @property
    def minutes(self) -> range:
        return range(self.last - MINUTES, self.last + 1)

    def gauge(self, of: Callable[[Sampled], float]) -> Series:
        found = (self._by_minute.get(minute) for minute in self.minutes)
        return [None if sample is None else of(sample) for sample in found]

    def per_minute(self, of: Callable[[Sampled], int]) -> Series:
        """What was counted from one minute's end to the next."""
        return self._between(lambda before, after: grown(of(before), of(after)))

    def waits(self, share: float) -> Series:
        """What so many of those that began in a minute had waited at most."""
        return self._between(lambda before, after: quantile(before.waits, after.waits, share))

    def waited_lately(self, share: float) -> float | None:
        since = self.last - LATELY
        lately = [sample for sample in self.samples if sample.minute >= since]
        if not lately:
            return None
        return quantile(lately[0].waits, lately[-1].waits, share)

    def total(self, of: Callable[[Sampled], int]) -> int:
        """All that was counted within the hour, also while no samples were taken."""
        return sum(grown(of(before), of(after)) for before, after in pairwise(self.samples))

    @property
    def is_quiet(self) -> bool:
        """Nothing has waited, run or ended here."""
        stirred = any(sample.seconds or sample.running for sample in self.samples)
        return not (stirred or self.total(lambda s: s.done) or self.total(lambda s: s.failed))

    def _between(self, of: Callable[[Sampled, Sampled], float | None]) -> Series:
        pairs = ((self._by_minute.get(m - 1), self._by_minute.get(m)) for m in self.minutes)
        return [of(before, after) if before and after else None for before, after in pairs]


def read_histories(now: datetime) -> dict[str, History]:
    """By queue, for those that have samples."""
    samples: dict[str, list[Sampled]] = {}
    for queue, *figures, waits in LAST_HOUR.rows(MINUTES + 1):
        row = (*figures, json.loads(waits))
        samples.setdefault(queue, []).append(Sampled(*row))
    return {queue: History(now, found) for queue, found in samples.items()}


def grown(before: int, after: int) -> int:
    """A sum that fell is of another ledger, restored from a dump: nothing is known of between."""
    return max(0, after - before)


def quantile(before: Buckets, after: Buckets, share: float) -> float | None:
    """The bound under which `share` of what came between two looks at a histogram lies.

    Within a bucket as if its values were spread evenly; beyond the last bound, that bound. None
    where nothing came.
    """
    bounds = sorted(after, key=float)
    counts = [max(0.0, after[bound] - before.get(bound, 0.0)) for bound in bounds]
    if not counts or counts[-1] <= 0:
        return None
    wanted, low, below = counts[-1] * share, 0.0, 0.0
    for bound, count in zip(bounds, counts, strict=True):
        if bound == "+Inf":
            return low
        if count >= wanted:
            return low + (float(bound) - low) * (wanted - below) / (count - below)
        low, below = float(bound), max(below, count)
    return low
