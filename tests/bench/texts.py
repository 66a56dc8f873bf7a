"""Texts to be spoken: English, of about a given length, each one different."""

from __future__ import annotations

import itertools
import random

WORDS = (
    "the quick brown fox jumps over a lazy dog while seven wizards mix bright potions in an old"
    " tower near the river and nobody in the quiet village has ever asked them what they are for"
).split()


class Texts:
    """A source of texts; the same seed gives the same ones."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._numbers = itertools.count(1)

    def make(self, characters: int) -> str:
        """One sentence that no other one of this source equals."""
        words = [f"Text {next(self._numbers)}"]
        while sum(map(len, words)) + len(words) < characters - 4:
            words.append(self._random.choice(WORDS))
        return " ".join(words) + "."

    def several(self, count: int, characters: int) -> list[str]:
        return [self.make(characters) for _ in range(count)]
