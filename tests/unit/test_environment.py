"""Settings are read as they are given, and refused where they make no sense."""

from __future__ import annotations

import pytest

from config import environment as env


@pytest.mark.parametrize("value", ["0", "-1"])
def test_a_number_below_its_least_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("BATCH_SLOTS", value)
    with pytest.raises(ValueError, match=f"BATCH_SLOTS is {value}: 1 at least"):
        env.integer("BATCH_SLOTS", 8, least=1)


def test_a_number_at_its_least_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCH_SLOTS", "1")
    assert env.integer("BATCH_SLOTS", 8, least=1) == 1
