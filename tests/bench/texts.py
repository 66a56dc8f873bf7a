"""Texts to be spoken: English sentences, of about a given length, each text another."""

from __future__ import annotations

import random

VOCABULARY = (
    "the quick brown fox jumps over a lazy dog while seven wizards mix bright potions in an old"
    " tower near the river and nobody in the quiet village has ever asked them what they are for"
    " because rain falls early every winter morning so people stay warm beside small open fires"
)
SENTENCE = 12  # words


class Texts:
    """A source of texts; the same seed gives the same ones."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._words = VOCABULARY.split()

    def make(self, characters: int) -> str:
        words: list[str] = []
        while len(" ".join(words)) < characters - 4:
            words.append(self._random.choice(self._words))
        parts = [words[start : start + SENTENCE] for start in range(0, len(words), SENTENCE)]
        return " ".join(" ".join(part).capitalize() + "." for part in parts)

    def several(self, count: int, characters: int) -> list[str]:
        return [self.make(characters) for _ in range(count)]
