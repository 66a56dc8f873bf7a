"""How the admin's pages say times, amounts and small documents."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tenants.admin.words import badge, duration, listed, plain, when


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0.0 s"),
        (4.24, "4.2 s"),
        (41.4, "41 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3_600, "1 h"),
        (7_501, "2 h 5 min"),
        (86_400, "1 day"),
        (259_200, "3 days"),
    ],
)
def test_a_duration_is_told_in_two_units_at_most(seconds: float, told: str) -> None:
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(3, "just now"), (90, "1 min 30 s ago"), (-3, "in a moment"), (-7_201, "in 2 h")],
)
def test_a_moment_is_told_by_how_far_it_is(seconds: int, told: str) -> None:
    assert f">{told}<" in when(timezone.now() - timedelta(seconds=seconds))
    assert when(None) == "-"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "-"),
        ("", "-"),
        ([], "-"),
        (0, "0"),
        (False, "no"),
        (True, "yes"),
        (12_000, "12,000"),
        (1.1, "1.1"),
        (["a", 2], "a, 2"),
        ({"sample_rate": 8_000, "deep": True}, "sample rate 8,000, deep yes"),
    ],
)
def test_a_value_is_told_without_brackets_and_quotes(value: object, told: str) -> None:
    assert plain(value) == told


def test_what_people_typed_cannot_leave_its_label() -> None:
    assert "<b>" not in badge("<b>", title='"><b>')
    assert listed({"speed": 1.2, "pitch": 0}) == "speed 1.2, pitch 0"
