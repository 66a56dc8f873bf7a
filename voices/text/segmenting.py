"""Pieces of a text, small enough for an engine and stable enough for a cache."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from voices.text.checks import is_speakable
from voices.text.cutting import Span, cut, trimmed
from voices.text.splitting import sentence_spans

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLANK_LINE = re.compile(r"\n\s*\n")
_OPENS_ONE_IN = 4


def segments(text: str, language: str, limit: int) -> list[str]:
    """The text in pieces of at most `limit` characters, all it has to say in its order.

    A text within the limit is one segment. A longer one is cut at paragraphs; within a paragraph
    whole sentences are packed together as they fit, and a sentence over the limit is cut at a
    clause, a word, or between characters. In a segment that is half full, one sentence in four
    (by its own words) opens the next: so after an edit the same cuts are soon found again.
    """
    if limit < 1:
        raise ValueError("A segment needs a limit of at least one character.")
    whole = text.strip()
    spans = [(0, len(whole))] if len(whole) <= limit else _segment_spans(whole, language, limit)
    pieces = (whole[start:end] for start, end in spans)
    return [piece for piece in pieces if is_speakable(piece)]


def _segment_spans(text: str, language: str, limit: int) -> Iterator[Span]:
    start = 0
    for gap in _BLANK_LINE.finditer(text):
        yield from _paragraph_spans(text[start : gap.start()], start, language, limit)
        start = gap.end()
    yield from _paragraph_spans(text[start:], start, language, limit)


def _paragraph_spans(paragraph: str, offset: int, language: str, limit: int) -> Iterator[Span]:
    for start, end in _packed(paragraph, _pieces(paragraph, language, limit), limit):
        yield start + offset, end + offset


def _pieces(paragraph: str, language: str, limit: int) -> Iterator[Span]:
    if len(paragraph) <= limit:
        return trimmed(paragraph, (0, len(paragraph)))
    spans = sentence_spans(paragraph, language)
    return (piece for span in spans for piece in cut(paragraph, span, limit))


def _packed(paragraph: str, pieces: Iterator[Span], limit: int) -> Iterator[Span]:
    """Neighbouring pieces put together as long as they fit."""
    start = end = 0
    for piece in pieces:
        if end and _parts(paragraph, start, end, piece, limit):
            yield start, end
            start = piece[0]
        elif not end:
            start = piece[0]
        end = piece[1]
    if end:
        yield start, end


def _parts(paragraph: str, start: int, end: int, piece: Span, limit: int) -> bool:
    """Whether the piece begins a segment of its own."""
    if piece[1] - start > limit:
        return True
    return end - start >= limit // 2 and _opens_segment(paragraph[slice(*piece)])


def _opens_segment(sentence: str) -> bool:
    return zlib.crc32(sentence.encode("utf-8", "surrogatepass")) % _OPENS_ONE_IN == 0
