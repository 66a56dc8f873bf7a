"""The work of a run: who orders which texts, and how each must sound."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from synthesis_worker import audio
from tests.engines import echo
from voices.text import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

VOICE = "echo"
TENANTS = {"north": 1.0, "south": 1.0, "east": 2.0, "west": 4.0}  # and their weights
LOUDNESS, PEAK = -16.0, -1.0
REPEATED = 0.12  # share of texts that were ordered before
IN_BULK = 0.08  # share of orders that are bulk; they make up half of the jobs
SENT_AGAIN = 0.1  # share of orders sent once more though they were accepted


@dataclass(frozen=True, slots=True)
class Order:
    """One request of a tenant under one idempotency key: a text, or several in bulk."""

    tenant: str
    key: str
    texts: tuple[str, ...]
    bulk: bool
    again: bool

    @property
    def path(self) -> str:
        return f"/api/v1/jobs/{'bulk' if self.bulk else 'synthesize'}"

    @property
    def body(self) -> dict[str, Any]:
        items = [_item(text) for text in self.texts]
        return {"items": items} if self.bulk else items[0]


def _item(text: str) -> dict[str, str]:
    return {"text": text, "voice": VOICE, "format": format_of(text)}


def format_of(text: str) -> str:
    return "flac" if len(text) % 4 == 0 else "wav"


def other_format(text: str) -> str:
    return "wav" if format_of(text) == "flac" else "flac"


@cache
def expected_sha256(text: str, *, again: bool = False) -> str:
    """The hash of the file this text must become: the worker's own steps, none of its state.

    Again: what was spoken before and kept lossless, in the other format.
    """
    spoken = echo(normalise(text, "en"))
    if again:
        spoken = audio.decode(audio.encode(spoken, "flac"))
    level = audio.normalise(spoken, LOUDNESS, PEAK)
    asked = other_format(text) if again else format_of(text)
    rate = audio.format_named(asked).nearest_rate(spoken.sample_rate)
    return hashlib.sha256(audio.encode(level, asked, rate)).hexdigest()


def plan_orders(jobs: int, rng: Random) -> Iterator[Order]:
    """Orders of `jobs` texts in all."""
    known: list[str] = []
    while jobs > 0:
        tenant, bulk = rng.choice(list(TENANTS)), rng.random() < IN_BULK
        size = min(jobs, rng.randint(4, 20) if bulk else 1)
        texts = tuple(_text(known, rng) for _ in range(size))
        key = f"order-{rng.getrandbits(64):x}"
        yield Order(tenant, key, texts, bulk, rng.random() < SENT_AGAIN)
        jobs -= size


def _text(known: list[str], rng: Random) -> str:
    """A new text, or one of the last few again: the tenant's own, or somebody else's."""
    if known and rng.random() < REPEATED:
        return rng.choice(known[-6:])
    known.append(fresh_text(rng))
    return known[-1]


def fresh_text(rng: Random) -> str:
    """One that nobody has ordered before."""
    return " ".join(_word(rng) for _ in range(rng.randint(5, 9))).capitalize() + "."


def _word(rng: Random) -> str:
    return "".join(rng.choice("bdfklmnprst") + rng.choice("aeiou") for _ in range(3))
