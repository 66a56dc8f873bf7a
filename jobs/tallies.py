"""Counts of what happened: kept in each process, added up in the ledger every few seconds."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from bisect import bisect_left
from collections import defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Key = tuple[str, str]  # a name, and its labels as Prometheus writes them

LONGEST = 60  # characters of a label
SECONDS = (
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    1800.0,
)
RATIOS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

# In one order, so that two processes that add at one time wait for each other in one direction.
ADD = """
    INSERT INTO jobs_tally (name, labels, value)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::float8[]) AS t(name, labels, value)
     ORDER BY 1, 2
    ON CONFLICT (name, labels) DO UPDATE SET value = jobs_tally.value + excluded.value"""

log = logging.getLogger(__name__)


class Tallies:
    """What this process has counted and not yet told."""

    def __init__(self) -> None:
        self.forget()
        self.errands: list[Callable[[], None]] = [self.tell]
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def forget(self) -> None:
        """For a forked child: what its parent has counted, the parent tells."""
        self._lock = threading.Lock()
        self._counts: dict[Key, float] = {}
        self._observed: dict[Key, Histogram] = {}

    def count(self, name: str, amount: float = 1.0, **labels: str) -> None:
        key = name, _kept(labels)
        with self._lock:
            self._counts[key] = self._counts.get(key, 0.0) + amount

    def observe(
        self, name: str, value: float, bounds: Sequence[float] = SECONDS, **labels: str
    ) -> None:
        """One more value of a histogram; a name has the same bounds wherever it is observed."""
        key = name, _kept(labels)
        with self._lock:
            if key not in self._observed:
                self._observed[key] = Histogram(bounds)
            self._observed[key].add(value)

    def tell(self) -> None:
        """Add what was counted to the ledger's sums. What could not be told is kept."""
        counted = self._take()
        if not counted:
            return
        try:
            _add(counted)
        except DatabaseError:
            self._put_back(counted)
            raise

    def start(self) -> None:
        """Tell from a thread of its own, and at the end. In each process to be heard, once."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stop.clear()
        atexit.register(self.stop)
        self._thread = threading.Thread(target=self._tell_forever, name="tallies", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Told a last time."""
        self._stop.set()
        self._attempt()

    def _tell_forever(self) -> None:
        while not self._stop.wait(settings.COUNT_SECONDS):
            self._attempt()

    def _attempt(self) -> None:
        """Without a connection of its own between two tellings: they are few, and far apart."""
        try:
            for errand in self.errands:
                errand()
        except DatabaseError as error:
            log.warning("counts not told yet: %s", error)
        finally:
            connection.close()

    def _take(self) -> dict[Key, float]:
        with self._lock:
            counts, self._counts = self._counts, {}
            observed, self._observed = self._observed, {}
        for (name, labels), histogram in observed.items():
            counts.update(histogram.rows(name, labels))
        return counts

    def _put_back(self, counted: Mapping[Key, float]) -> None:
        with self._lock:
            for key, value in counted.items():
                self._counts[key] = self._counts.get(key, 0.0) + value


class Histogram:
    """How many values fell under each bound, and their sum."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def rows(self, name: str, labels: str) -> Iterator[tuple[Key, float]]:
        """As Prometheus counts them: a bucket holds all that are no larger than its bound."""
        before = f"{labels}," if labels else ""
        edges = [*(f"{bound:g}" for bound in self.bounds), "+Inf"]
        for edge, total in zip(edges, accumulate(self.counts), strict=True):
            yield (f"{name}_bucket", f'{before}le="{edge}"'), float(total)
        yield (f"{name}_sum", labels), self.sum
        yield (f"{name}_count", labels), float(sum(self.counts))


def written(labels: Mapping[str, str]) -> str:
    """Labels as Prometheus writes them, in the order they were given."""
    return ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())


def _kept(labels: Mapping[str, str]) -> str:
    """As the ledger can keep them, whatever they hold."""
    return written({name: text[:LONGEST].replace("\0", "") for name, text in labels.items()})


def told_tallies() -> dict[str, dict[str, float]]:
    """All the ledger has been told: values by labels, by name."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, labels, value FROM jobs_tally ORDER BY name, labels")
        for name, labels, value in cursor.fetchall():
            found[name][labels] = value
    return found


def _add(counted: Mapping[Key, float]) -> None:
    names, labels = zip(*counted, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(ADD, (list(names), list(labels), list(counted.values())))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


tallies = Tallies()
os.register_at_fork(after_in_child=tallies.forget)
count, observe = tallies.count, tallies.observe
