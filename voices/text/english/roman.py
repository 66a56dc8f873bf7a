"""Roman numerals where a word before them leaves no doubt."""

from __future__ import annotations

import re

from voices.text.english.numbers import cardinal, ordinal
from voices.text.english.tables import NUMBERED_THINGS, RULERS

_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_WELL_FORMED = r"(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_NUMBERED = re.compile(rf"\b({NUMBERED_THINGS}) ({_WELL_FORMED})\b(?!['\u2019.]\w)")
# `Henry I` may be the start of `Henry, I think`, so one letter is taken for V and X alone.
_RULER = re.compile(rf"\b({RULERS}) (?![ILC]\b)({_WELL_FORMED})\b")


def speak_numerals(text: str) -> str:
    """`Chapter IV` as `Chapter four`, `Henry VIII` as `Henry the eighth`."""
    text = _NUMBERED.sub(lambda found: f"{found[1]} {cardinal(_value(found[2]))}", text)
    return _RULER.sub(lambda found: f"{found[1]} the {ordinal(_value(found[2]))}", text)


def _value(numeral: str) -> int:
    values = [_VALUES[letter] for letter in numeral]
    following = [*values[1:], 0]
    return sum(-a if a < b else a for a, b in zip(values, following, strict=True))
