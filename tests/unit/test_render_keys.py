"""The key of a render: what changes it, and what must not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from voices.keys import SEED_BITS, fresh_seed, render_key, seed_of
from voices.routing import Way

WAY = Way(
    engine="piper",
    queue="cpu",
    model="m",
    digest="d",
    speaker=None,
    substitute=False,
    dials={"speed": 1.0, "noise": 0.5},
    cost=1.0,
    asleep=False,
)
BASE: dict[str, Any] = {
    "tenant_id": UUID(int=1),
    "text": "Grüße.",
    "language": "de",
    "revision": "r1",
    "way": WAY,
    "seed": None,
}

CHANGES: list[dict[str, Any]] = [
    {"tenant_id": UUID(int=2)},
    {"text": "Grüße!"},
    {"language": "de-AT"},
    {"revision": "r2"},
    {"seed": 0},
    {"seed": 1},
    {"way": replace(WAY, engine="espeak")},
    {"way": replace(WAY, model="n")},
    {"way": replace(WAY, digest="e")},
    {"way": replace(WAY, speaker=0)},
    {"way": replace(WAY, dials={"speed": 1.1, "noise": 0.5})},
    {"way": replace(WAY, dials={"speed": 1.0})},
]
SAME: list[dict[str, Any]] = [
    {"way": replace(WAY, queue="net")},
    {"way": replace(WAY, cost=9.0)},
    {"way": replace(WAY, asleep=True)},
    {"way": replace(WAY, substitute=True)},
    {"way": replace(WAY, dials={"noise": 0.5, "speed": 1})},
]


def test_every_part_that_is_heard_makes_another_key() -> None:
    keys = {render_key(**(BASE | change)) for change in ({}, *CHANGES)}
    assert len(keys) == len(CHANGES) + 1


@pytest.mark.parametrize("change", SAME)
def test_what_is_not_heard_leaves_the_key_as_it_is(change: dict[str, Any]) -> None:
    assert render_key(**(BASE | change)) == render_key(**BASE)


def test_a_key_is_the_same_in_every_process_and_release() -> None:
    known = "7bfd797c"
    assert render_key(**BASE)[:8] == known


def test_without_a_seed_it_follows_from_the_key() -> None:
    key = render_key(**BASE)
    assert seed_of(key, None) == seed_of(key, None)
    assert 0 <= seed_of(key, None) < 2**SEED_BITS
    assert seed_of(key, None) != seed_of(render_key(**(BASE | {"text": "other"})), None)


def test_the_seed_asked_for_is_used_even_where_it_is_nought() -> None:
    assert seed_of(render_key(**BASE), 0) == 0


def test_fresh_seeds_fit_and_differ() -> None:
    seeds = {fresh_seed() for _ in range(50)}
    assert len(seeds) > 45
    assert all(0 <= seed < 2**SEED_BITS for seed in seeds)
