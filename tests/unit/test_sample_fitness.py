"""Which engines recordings are long enough for."""

from __future__ import annotations

import pytest

from voices.routing import Offered
from voices.samples.fitness import Suit, suits, why_not

ABLE = {"languages": (), "models": (), "clone_seconds": (6, 30), "train_seconds": (60, 600)}
UNABLE = {"languages": (), "models": (), "clone_seconds": None}


@pytest.mark.parametrize(
    ("seconds", "why"),
    [
        (0, "6 to 30 seconds are needed, 0.0 are here: record more."),
        (5.96, "6 to 30 seconds are needed, 5.9 are here: record more."),
        (6, ""),
        (30, ""),
        (30.01, "6 to 30 seconds are needed, 30.1 are here: choose among them."),
    ],
)
def test_too_little_and_too_much_are_told_apart(seconds: float, why: str) -> None:
    assert why_not(ABLE, "clone", seconds) == why


def test_an_engine_that_does_neither_is_not_asked_about() -> None:
    assert suits([Offered("none", "cpu", UNABLE)], 10) == []


def test_an_engine_on_two_queues_is_one_engine() -> None:
    offers = [Offered("able", queue, ABLE) for queue in ("cpu", "gpu.xtts")]
    assert [(one.purpose, one.ok) for one in suits(offers, 10)] == [
        ("clone", True),
        ("train", False),
    ]
    assert suits(offers, 10)[0] == Suit("able", "clone", ok=True)
