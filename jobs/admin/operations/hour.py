"""A hardware class's last hour: four charts, and the same as a table."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from jobs.admin.operations.charts import Chart, Line
from jobs.admin.operations.history import MINUTES
from tenants.admin.words import NOTHING, duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.admin.operations.history import History, Series

SHARES = {"half": 0.5, "95%": 0.95}
TABLE_EVERY = 5  # minutes between two rows of the table


class Hour:
    """What the page draws of a queue's history."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.last = history.samples[-1] if history.samples else None

    @cached_property
    def charts(self) -> list[Chart]:
        return [self._work(), self._running(), self._ended(), self._waited()]

    @property
    def columns(self) -> list[str]:
        return ["When", *(_heading(chart, line) for chart in self.charts for line in chart.lines)]

    @property
    def rows(self) -> list[list[tuple[str, str]]]:
        """Each value with its column's name, newest first."""
        columns = [(line.values, chart.say) for chart in self.charts for line in chart.lines]
        rows = (
            [_ago(MINUTES - at), *(_said(say, values[at]) for values, say in columns)]
            for at in range(MINUTES, -1, -TABLE_EVERY)
        )
        return [list(zip(self.columns, row, strict=True)) for row in rows]

    def _work(self) -> Chart:
        seconds = self.history.gauge(lambda sample: sample.seconds)
        work = Line("work in line", "work", seconds, filled=True)
        latest = duration(self.last.seconds) if self.last else NOTHING
        return Chart("Work in line", latest, [work], duration)

    def _running(self) -> Chart:
        busy = self.history.gauge(lambda sample: sample.running)
        slots = self.history.gauge(lambda sample: sample.slots)
        lines = [Line("running", "running", busy, filled=True), Line("slots", "slots", slots)]
        latest = f"{self.last.running} of {self.last.slots} slots" if self.last else NOTHING
        return Chart("Running", latest, lines, _count)

    def _ended(self) -> Chart:
        """Told of the last minute that is over."""
        done = Line("done", "done", self.history.per_minute(lambda sample: sample.done))
        failed = Line("failed", "failed", self.history.per_minute(lambda sample: sample.failed))
        told = [f"{_said(_count, line.values[-2])} {line.name}" for line in (done, failed)]
        latest = NOTHING if done.values[-2] is None else ", ".join(told)
        return Chart("Ended in a minute", latest, [done, failed], _count, bars=True)

    def _waited(self) -> Chart:
        half, most = (self.history.waits(share) for share in SHARES.values())
        lines = [Line("half", "half", half), Line("95%", "most", most)]
        return Chart("Waited at most", _latest(most), lines, duration)


def _heading(chart: Chart, line: Line) -> str:
    """A line says itself what it is, unless it is a share of what the chart is of."""
    return f"{chart.title} ({line.name})" if line.name in SHARES else line.name.capitalize()


def _latest(values: Series) -> str:
    known = [value for value in values if value is not None]
    return duration(known[-1]) if known else NOTHING


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _said(say: Callable[[float], str], value: float | None) -> str:
    return NOTHING if value is None else say(value)


def _ago(minutes: int) -> str:
    return f"{minutes} min ago" if minutes else "now"
