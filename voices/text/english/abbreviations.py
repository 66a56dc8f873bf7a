"""English titles, streets and shortened words in full."""

from __future__ import annotations

import re

from voices.text.abbreviations import STARTERS
from voices.text.english.tables import (
    BARE_TITLES,
    BEFORE_NUMBERS,
    DAYS_IN_SHORT,
    STREETS,
    TITLES,
    WORDS,
)

_SHORT_WORDS = [*WORDS, *(word.capitalize() for word in WORDS if word.islower())]
_STREET = re.compile(
    r"\b([0-9]{1,5}[a-z]{0,2} )?((?:[A-Z][a-z]{1,30}|[0-9]{1,3}(?:st|nd|rd|th)) )"
    rf"({'|'.join(STREETS)})\.(?!\w)"
)
_TITLE = re.compile(rf"\b({'|'.join(TITLES)})\. ?(?=[A-Z])|\b({'|'.join(BARE_TITLES)}) (?=[A-Z])")
_NUMBERED = re.compile(rf"(?<![\w.])({'|'.join(BEFORE_NUMBERS)})\. ?(?=[0-9])", re.I)
_WORD = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, _SHORT_WORDS))})\.(?!\w)")
_DOTTED = re.compile(r"(?<![\w.])(?![ap]\.m\.)((?:[A-Za-z]\.){2,12})(?!\w)", re.I)
_DAYS = re.compile(rf"\b({'|'.join(DAYS_IN_SHORT)})\.? ?[-\u2013] ?({'|'.join(DAYS_IN_SHORT)})\b")
_DEGREE = re.compile(r"\bPh\.D\b\.?")
_NEXT_WORD = re.compile(r"[\"”\u2019')\]]{0,3} ([A-Z][a-z]*)")


def expand_abbreviations(text: str) -> str:
    """Every abbreviation in full; a full stop that ends the sentence as well stays."""
    text = _NUMBERED.sub(lambda found: _in_case(found[1], BEFORE_NUMBERS) + " ", text)
    text = _STREET.sub(_full_street, text)
    text = _TITLE.sub(lambda found: TITLES[found[1] or found[2]] + " ", text)
    text = _DAYS.sub(_full_days, text)
    text = _DEGREE.sub(lambda found: "PhD" + _stop_after(found), text)
    text = _WORD.sub(lambda found: _in_case(found[1], WORDS) + _stop_after(found), text)
    return _DOTTED.sub(_initialism, text)


def _full_street(found: re.Match[str]) -> str:
    """`12 Elm Dr.` is a drive, `Yesterday Dr. Smith` is a doctor."""
    number, name, kind = found.groups(default="")
    following = _NEXT_WORD.match(found.string, found.end())
    if kind in TITLES and not number and following and following[1] not in STARTERS:
        return found[0]
    return f"{number}{name}{STREETS[kind]}{_stop_after(found)}"


def _full_days(found: re.Match[str]) -> str:
    return f"{DAYS_IN_SHORT[found[1]]} to {DAYS_IN_SHORT[found[2]]}"


def _in_case(word: str, table: dict[str, str]) -> str:
    return table.get(word) or table[word.lower()].capitalize()


def _initialism(found: re.Match[str]) -> str:
    return found[1].replace(".", "").upper() + _stop_after(found)


def _stop_after(found: re.Match[str]) -> str:
    """A full stop where the abbreviation ended its sentence too."""
    text, end = found.string, found.end()
    if end == len(text) or text[end] == "\n":
        return "."
    following = _NEXT_WORD.match(text, end)
    return "." if following and following[1] in STARTERS else ""
