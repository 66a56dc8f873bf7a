"""English measures: a number and what it counts."""

from __future__ import annotations

import re

from voices.text.english.measures import NEVER_SPACED, ONLY_ATTACHED, UNITS
from voices.text.english.numbers import NUMBER, START, spoken

_ALL = UNITS | ONLY_ATTACHED


def _any_of(names: set[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=lambda n: (-len(n), n)))


_SPACED = _any_of(set(UNITS) - NEVER_SPACED)
_ATTACHED = _any_of(set(_ALL))
_PER = _any_of({name for name in UNITS if name[0].isalpha()})
_MEASURE = re.compile(
    rf"{START}({NUMBER}|\.[0-9]++)(?:({_ATTACHED})|([ -])({_SPACED}))(?:/({_PER})(²?))?"
    r"(?![\w²³])(?:\.(?= [a-z]))?"
)
_FEET_AND_INCHES = re.compile(rf"{START}([0-9]{{1,2}})['\u2032] ?([0-9]{{1,2}})(?:[\"″”]|'')")
_MICRO = str.maketrans({"\u03bc": "µ", "º": "°", "\u03a9": "\u03a9"})


def speak_units(text: str) -> str:
    """`5kg` as `five kilograms`, `10 km/h` as `ten kilometers per hour`, `5'10"` in feet."""
    if not text.isascii():
        text = text.translate(_MICRO)
    text = _FEET_AND_INCHES.sub(_speak_height, text)
    return _MEASURE.sub(_speak_measure, text)


def _speak_measure(found: re.Match[str]) -> str:
    number, attached, gap, spaced, per, square = found.groups()
    one, many = _ALL[attached or spaced]
    words = f"{spoken(number)} {one if number == '1' or gap == '-' else many}"
    return f"{words} per {UNITS[per][0]}{' squared' if square else ''}" if per else words


def _speak_height(found: re.Match[str]) -> str:
    feet, inches = found[1], found[2]
    return (
        f"{spoken(feet)} {'foot' if feet == '1' else 'feet'} "
        f"{spoken(inches)} {'inch' if inches == '1' else 'inches'}"
    )
