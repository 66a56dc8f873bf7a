"""Which words belong to which part of a recording, and how somebody who wrote them spells them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from gpu_worker.training.dataset.parts import Cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpu_worker.training.dataset.recogniser import Word

Span = tuple[float, float]

# Scripts that put no space between words are told apart sign by sign: Thai, kana, Han.
_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"\s*(?:[{_UNSPACED}]|[^\s{_UNSPACED}]+)")


def pair(spans: Sequence[Span], words: Sequence[Word], given: str = "") -> list[Cut]:
    """Each span with what was recognised in it; or with the part of the given text that says so."""
    runs = [_said_in(span, words) for span in spans]
    if not given:
        return [Cut(*span, _joined(run)) for span, run in zip(spans, runs, strict=True)]
    tokens = [_tokens(_joined(run)) for run in runs]
    texts = _Alignment([one for run in tokens for one in run], _tokens(given)).texts(tokens)
    return [
        Cut(*span, text, match=match)
        for span, (text, match) in zip(spans, texts, strict=True)
    ]  # fmt: skip


def _said_in(span: Span, words: Sequence[Word]) -> list[Word]:
    return [word for word in words if span[0] <= (word.start + word.end) / 2 < span[1]]


def _joined(words: Iterable[Word]) -> str:
    return "".join(word.text for word in words).strip()


def _tokens(text: str) -> list[str]:
    """The text's words, each with the signs that stand after it."""
    tokens: list[str] = []
    for token in _TOKEN.findall(text):
        if _plain(token):
            tokens.append(token)
        elif tokens:
            tokens[-1] += token
    return tokens


def _plain(token: str) -> str:
    return "".join(filter(str.isalnum, token.casefold()))


@dataclass(frozen=True, slots=True)
class _Step:
    """Said words from `a` to `b` answer to written ones from `c` to `d`."""

    same: bool
    a: int
    b: int
    c: int
    d: int


class _Alignment:
    """What was recognised beside what was written."""

    def __init__(self, said: list[str], written: list[str]) -> None:
        self.said, self.written = said, written
        plain = [_plain(one) for one in said], [_plain(one) for one in written]
        codes = SequenceMatcher(None, *plain, autojunk=False).get_opcodes()
        self.steps = [_Step(tag == "equal", *rest) for tag, *rest in codes]

    def texts(self, runs: Iterable[list[str]]) -> list[tuple[str, float]]:
        """For each run of said words the written text, and how well the two match (0 to 1)."""
        found, place = [], 0
        for run in runs:
            found.append(self._text(place, place + len(run)))
            place += len(run)
        return found

    def _text(self, start: int, end: int) -> tuple[str, float]:
        first, last = self._place(start, after=True), self._place(end, after=False)
        same = sum(
            max(0, min(step.b, end) - max(step.a, start)) for step in self.steps if step.same
        )
        both = end - start + max(0, last - first)
        return "".join(self.written[first:last]).strip(), 2 * same / both if both else 0.0

    def _place(self, place: int, *, after: bool) -> int:
        """The same place among the written words. What was written there and not said is no
        part of the clip on either side."""
        found = 0
        for step in self.steps:
            if step.a > place or (step.a == place and not after):
                break
            found = step.c + min(place - step.a, step.d - step.c) if place < step.b else step.d
        return found
