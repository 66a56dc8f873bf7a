"""Sentences of a text in any language, found as places in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from voices.text.abbreviations import DOTTED_ORDINALS, SHORT_WORDS, STARTERS, TITLES
from voices.text.cutting import Span, cut, trimmed
from voices.text.languages import is_unspaced, primary_language
from voices.text.punctuation import (
    CLOSERS,
    CLOSING_BRACKETS,
    FULL_WIDTH_STOPS,
    OPENERS,
    OPENING_BRACKETS,
    SPACED_STOPS,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE = re.compile(r"[^\n]+")
_ENDS_ANYWHERE = f"[{FULL_WIDTH_STOPS}]++[{re.escape(CLOSERS)}]*+"
_ENDS_BEFORE_SPACE = rf"[{SPACED_STOPS}]++[{re.escape(CLOSERS)}]*+(?=\s|$)"
_STOPS = re.compile(f"{_ENDS_ANYWHERE}|{_ENDS_BEFORE_SPACE}")
_LAST_WORD = re.compile(r"[\w.\u2019']*$")
_FIRST_WORD = re.compile(rf"[\s{re.escape(OPENERS)}]*(\w+)?")
_ASIDE = 300
_LONGEST_WORD = 40
_UNSPACED_SENTENCE = 160
_YEAR_LENGTH = 4


def sentences(text: str, language: str) -> list[str]:
    """The sentences in order. Together they hold every character but the space between them.

    Where no spaces part the words (Thai, Lao, Khmer, Burmese) a long stretch is parted at its
    spaces, or by length where it has none.
    """
    return [text[start:end] for start, end in sentence_spans(text, language)]


def sentence_spans(text: str, language: str) -> Iterator[Span]:
    """Where each sentence begins and ends; a line break always ends one."""
    for line in _LINE.finditer(text):
        for span in _spans_in_line(text, line.span(), primary_language(language)):
            if is_unspaced(language):
                yield from cut(text, span, _UNSPACED_SENTENCE)
            else:
                yield span


def _spans_in_line(text: str, line: Span, language: str) -> Iterator[Span]:
    start = last = line[0]
    depth = 0
    for stop in _STOPS.finditer(text, *line):
        depth = _depth(text, (last, stop.end()), depth)
        last = stop.end()
        if depth and _closes_soon(text, last, line[1]):
            continue
        if _ends_sentence(text, start, stop, line[1], language):
            yield from trimmed(text, (start, last))
            start, depth = last, 0
    yield from trimmed(text, (start, line[1]))


def _depth(text: str, span: Span, depth: int) -> int:
    """How many brackets are open after the span."""
    part = text[slice(*span)]
    opened = sum(map(part.count, OPENING_BRACKETS))
    return max(0, depth + opened - sum(map(part.count, CLOSING_BRACKETS))) if depth or opened else 0


def _closes_soon(text: str, place: int, end: int) -> bool:
    return any(
        text.find(bracket, place, min(end, place + _ASIDE)) >= 0 for bracket in CLOSING_BRACKETS
    )


def _ends_sentence(text: str, start: int, stop: re.Match[str], end: int, language: str) -> bool:
    if stop[0][0] not in SPACED_STOPS:
        return True
    following = _FIRST_WORD.match(text[stop.end() : min(end, stop.end() + _LONGEST_WORD)])
    word = (following and following[1]) or ""
    if word[:1].islower():
        return False
    if stop[0] != ".":
        return True
    before = text[max(start, stop.start() - _LONGEST_WORD) : stop.start()]
    return _full_stop_ends(before, word, language)


def _full_stop_ends(before: str, following: str, language: str) -> bool:
    """Whether a lone full stop after this stretch ends the sentence."""
    found = _LAST_WORD.search(before)
    last = found[0].lower() if found else ""
    if last in TITLES.get(language, ()):
        return False
    if last.isdigit() and _is_ordinal(before, last, language):
        return False
    is_initial = len(last) == 1 and last.isalpha() and before[-1:].isupper()
    if is_initial or last in SHORT_WORDS.get(language, ()):
        return not following or following in STARTERS
    return True


def _is_ordinal(before: str, number: str, language: str) -> bool:
    """The number of a list item, or a day as German writes it: `am 5. Mai`."""
    return before.strip() == number or (language in DOTTED_ORDINALS and len(number) < _YEAR_LENGTH)
