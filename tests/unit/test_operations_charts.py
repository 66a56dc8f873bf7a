"""Percentiles out of counts, minutes out of samples, and lines out of minutes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from jobs.admin.operations.charts import HEIGHT, TOP, WIDTH, Chart, Line
from jobs.admin.operations.history import MINUTES, History, Sampled, quantile

NOW = datetime(2026, 11, 21, 12, 30, 40, tzinfo=UTC)
LAST = int(NOW.timestamp() // 60)
NONE: dict[str, float] = {}


def sampled(minutes_ago: int, **changes: object) -> Sampled:
    fields: dict[str, Any] = {"depth": 0, "seconds": 0.0, "running": 0, "slots": 4}
    fields |= {"done": 0, "failed": 0, "waits": NONE}
    return Sampled(60.0 * (LAST - minutes_ago), **fields | changes)


def chart(*series: list[float | None], bars: bool = False) -> Chart:
    lines = [Line(f"line {number}", "work", values) for number, values in enumerate(series)]
    return Chart("Work", "", lines, "{:g}".format, bars=bars)


def test_a_percentile_lies_within_its_bucket() -> None:
    after = {"1": 50.0, "2": 100.0, "+Inf": 100.0}
    assert quantile(NONE, after, 0.5) == pytest.approx(1.0)
    assert quantile(NONE, after, 0.95) == pytest.approx(1.9)
    assert quantile({"1": 50.0, "2": 50.0, "+Inf": 50.0}, after, 0.5) == pytest.approx(1.5)


def test_buckets_are_read_by_their_bounds_and_not_by_their_names() -> None:
    assert quantile(NONE, {"+Inf": 4.0, "10": 4.0, "2.5": 2.0, "0.5": 0.0}, 0.75) == 6.25


def test_what_lies_beyond_the_last_bound_is_told_as_that_bound() -> None:
    assert quantile(NONE, {"1": 1.0, "5": 2.0, "+Inf": 100.0}, 0.95) == 5.0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (NONE, NONE),
        ({"1": 5.0, "+Inf": 5.0},) * 2,
        ({"1": 9.0, "+Inf": 9.0}, {"1": 3.0, "+Inf": 3.0}),
    ],
)
def test_where_nothing_came_or_sums_fell_there_is_no_percentile(
    before: dict[str, float], after: dict[str, float]
) -> None:
    assert quantile(before, after, 0.5) is None


def test_a_minute_without_a_sample_is_a_gap() -> None:
    history = History(NOW, [sampled(3, seconds=9.0, done=10), sampled(0, seconds=1.0, done=40)])
    assert history.gauge(lambda s: s.seconds)[-4:] == [9.0, None, None, 1.0]
    assert history.per_minute(lambda s: s.done) == [None] * (MINUTES + 1)
    assert history.total(lambda s: s.done) == 30


def test_counts_are_told_by_the_minute_and_never_fall() -> None:
    counts = [5, 8, 8, 2, 6]  # restored from a dump before the fourth
    samples = [sampled(4 - number, failed=count) for number, count in enumerate(counts)]
    history = History(NOW, samples)
    assert history.per_minute(lambda s: s.failed)[-5:] == [None, 3, 0, 0, 4]
    assert history.total(lambda s: s.failed) == 7


def test_waits_are_told_of_the_last_quarter_of_an_hour() -> None:
    old = sampled(30, waits={"1": 0.0, "60": 90.0, "+Inf": 90.0})
    begin = sampled(15, waits={"1": 0.0, "60": 100.0, "+Inf": 100.0})
    end = sampled(0, waits={"1": 10.0, "60": 110.0, "+Inf": 110.0})
    assert History(NOW, [old, begin, end]).waited_lately(0.5) == pytest.approx(0.5)
    assert History(NOW, [old]).waited_lately(0.5) is None


def test_a_line_is_broken_by_a_gap_and_a_minute_alone_is_a_dot() -> None:
    drawn = re.findall(r'vm-line vm-work" d="([^"]*)"', str(chart([0.0, 5.0, None, 10.0]).svg))
    assert drawn == [f"M0.0 60.0L80.0 32.0M240.0 {TOP:.1f}h.01"]


def test_nothing_is_drawn_outside_of_the_drawing() -> None:
    values: list[float | None] = [0.0, 0.2, None, 7e9, 3.0, 0.0]
    for one in (chart(values), chart(values, values, bars=True)):
        svg = str(one.svg)
        heights = [float(y) for y in re.findall(r"[\d.]+ ([\d.]+)", svg)]
        assert all(0 <= y <= max(HEIGHT, WIDTH) for y in heights), svg
        assert "-" not in "".join(re.findall(r' d="([^"]*)"', svg))


def test_bars_stand_upon_each_other() -> None:
    svg = str(chart([2.0, None], [2.0, 1.0], bars=True).svg)
    assert svg.count(f"V{TOP:.1f}") == 1  # the second upon the first, as high as the drawing
    assert f"V{HEIGHT - (HEIGHT - TOP) / 2:.1f}" in svg
    assert "nan" not in svg


def test_a_chart_of_zeros_and_one_of_nothing_are_drawn_too() -> None:
    assert "M0.0 60.0L240.0 60.0" in str(chart([0.0, 0.0]).svg)
    empty = chart([None, None])
    assert (empty.is_known, empty.top) == (False, 0.0)
    assert "no figures" in str(empty.svg)


def test_a_chart_says_in_words_what_it_shows() -> None:
    svg = str(chart([4.0, None, 1.0, 2.0]).svg)
    assert "<title>Work, the last hour</title>" in svg
    assert "<desc>line 0: between 1 and 4, 2 at the end</desc>" in svg
