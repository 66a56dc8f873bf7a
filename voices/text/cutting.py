"""A long stretch of text cut where it hurts least."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from voices.text.graphemes import safe_cut
from voices.text.punctuation import FULL_WIDTH_CLAUSES, SPACED_CLAUSES

if TYPE_CHECKING:
    from collections.abc import Iterator

Span = tuple[int, int]

# The last of these in a window is the place.
_CLAUSE = re.compile(rf".*(?:[{SPACED_CLAUSES})\]](?=\s)|[{FULL_WIDTH_CLAUSES}])", re.S)
_SPACE = re.compile(r".*\s", re.S)
_CLAUSE_AT_LEAST = 3


def cut(text: str, span: Span, limit: int) -> Iterator[Span]:
    """Spans of at most `limit` characters: at a clause, a word, or else between characters."""
    start, end = span
    while end - start > limit:
        place = _place(text, start, start + limit)
        yield from trimmed(text, (start, place))
        start = place
    yield from trimmed(text, (start, end))


def trimmed(text: str, span: Span) -> Iterator[Span]:
    """The span without the space around it; nothing where there is only space."""
    part = text[slice(*span)]
    start = span[0] + len(part) - len(part.lstrip())
    end = span[1] - len(part) + len(part.rstrip())
    if start < end:
        yield start, end


def _place(text: str, start: int, end: int) -> int:
    """Where to cut: no later than `end`, and after `start`."""
    window = text[start : end + 1]
    clause = _CLAUSE.match(window[:-1] + " " if window[-1:].isspace() else window[:-1])
    if clause and clause.end() * _CLAUSE_AT_LEAST >= end - start:
        return start + clause.end()
    space = _SPACE.match(window)
    if space and space.end() > 1:
        return min(start + space.end(), end)
    return safe_cut(text, start, end)
