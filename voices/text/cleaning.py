"""A customer's text made plain in any language: no markup, no links, no pictures, whole lines."""

from __future__ import annotations

import html
import re

from voices.text.characters import tidy_characters
from voices.text.links import speak_links
from voices.text.markdown import strip_inline_marks, strip_line_marks
from voices.text.punctuation import CLOSERS, CONTINUES, FULL_STOPS, STOPS

_ENTITY = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_AMPERSANDS = re.compile(r"&(?:amp;|#0{0,5}38;|#[xX]0{0,4}26;)++", re.I)
_MARKUP = re.compile(r"[*_`~#|<>\[\]()\\&;:/@!=+•‣◦·\u2013—-]")
_SPACES = re.compile(r" {2,}")
_ROUNDS = 4
_WRAPPED_WIDTH = 50
_ENDINGS = STOPS + ":\uff1a"


def clean(text: str) -> str:
    """Plain text, a sentence break at every line break. Cleaning twice changes nothing.

    Markup can hide markup, so passes repeat until one changes nothing; a text that nests deeper
    than any person writes loses its markup characters altogether.
    """
    for _ in range(_ROUNDS):
        cleaned = _clean_once(text)
        if cleaned == text:
            return cleaned
        text = cleaned
    return _clean_once(_MARKUP.sub(" ", text))


def _clean_once(text: str) -> str:
    if "&" in text:
        text = _ENTITY.sub(_decoded, _AMPERSANDS.sub("&", text))
    text = tidy_characters(text).strip()
    text = strip_inline_marks("\n".join(_plain_lines(text)))
    lines = [_SPACES.sub(" ", line).strip() for line in speak_links(text).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _decoded(found: re.Match[str]) -> str:
    return html.unescape(found[0])


def _plain_lines(text: str) -> list[str]:
    """Wrapped lines joined; every line that is left ends as a sentence does."""
    lines: list[str] = []
    open_line: list[str] = []
    last, stands_alone = "", False
    for raw in text.split("\n"):
        line, is_block = strip_line_marks(raw)
        if open_line and not (is_block or stands_alone) and _is_wrapped(last, line):
            open_line.append(line)
        else:
            _end_line(lines, open_line)
            open_line = [line]
        last, stands_alone = line, is_block
    lines.append(" ".join(open_line))
    return lines


def _end_line(lines: list[str], open_line: list[str]) -> None:
    if open_line:
        lines.append(_closed(" ".join(open_line)))


def _is_wrapped(line: str, following: str) -> bool:
    """Whether the line broke only because it was full."""
    end = line.rstrip(CLOSERS + " ")[-1:]
    if not end or not following or end in _ENDINGS:
        return False
    return end in CONTINUES or following[0].islower() or len(line) >= _WRAPPED_WIDTH


def _closed(line: str) -> str:
    end = line.rstrip(CLOSERS + " ")[-1:]
    if not end or end in _ENDINGS or end in CONTINUES:
        return line
    return line + next((stop for low, high, stop in FULL_STOPS if low <= end <= high), ".")
