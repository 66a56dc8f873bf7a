"""Ten times the text costs about ten times the work, whatever it is made of."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from voices.text import TextError, check_text, normalise, segments, sentences

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL, LARGE = 100_000, 1_000_000
# Linear is 10; a quadratic step would make it 100.
MOST = 30
NOISE = 0.05

UNITS = [
    "(",
    "[",
    "a",
    "1",
    ".",
    "*",
    "<",
    ",",
    "\\",
    "&",
    "e\u0301\u0316",
    "([a1.*<,",
    "[a](b",
    "1-1.1,1/",
]


def check(text: str) -> None:
    try:
        check_text(text, LARGE)
    except TextError:
        return


def cpu_seconds(work: Callable[[str], object], text: str) -> float:
    start = time.process_time()
    work(text)
    return time.process_time() - start


@pytest.mark.parametrize(
    "work",
    [
        check,
        lambda text: normalise(text, "en"),
        lambda text: sentences(text, "en"),
        lambda text: segments(text, "en", 500),
        lambda text: segments(text, "th", 500),
    ],
    ids=["check", "normalise", "sentences", "segments", "segments-thai"],
)
@pytest.mark.parametrize("unit", UNITS)
def test_a_megabyte_of_anything_takes_linear_time(work: Callable[[str], object], unit: str) -> None:
    small = cpu_seconds(work, unit * (SMALL // len(unit)))
    large = cpu_seconds(work, unit * (LARGE // len(unit)))
    assert large < MOST * small + NOISE * MOST
