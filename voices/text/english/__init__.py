"""English as it is read aloud: the rules, in the order in which they may be applied."""

from __future__ import annotations

import re

from voices.text.english.abbreviations import expand_abbreviations
from voices.text.english.dates import speak_dates, speak_years
from voices.text.english.money import speak_money
from voices.text.english.quantities import (
    speak_codes,
    speak_fractions,
    speak_numbers,
    speak_spans,
)
from voices.text.english.roman import speak_numerals
from voices.text.english.symbols import speak_addresses, speak_mathematics, speak_signs
from voices.text.english.times import speak_times
from voices.text.english.units import speak_units

__all__ = ["speak_english"]

_DIGIT = re.compile(r"[0-9½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]")
_SIGN = re.compile(r"[-+=<>~^*\u00d7#@&/°√≤≥≠≈±÷→∞²³§©®™€£♯]")
# A sentence that began with a digit begins with a capital, so that its beginning is still seen.
_SENTENCE_MARK = "\x02"
_BEFORE_NUMBER = re.compile(r"(?<=[.!?…\"”])(?= [-+~$£€#(]?\.?[0-9])")
_MARKED = re.compile(f"{_SENTENCE_MARK}( \\w?)?")
_SPACES = re.compile(r" {2,}")
_SPACE_AROUND_LINE = re.compile(r" ?\n ?")


def speak_english(text: str, *, month_first: bool) -> str:
    """Numbers, dates, money, measures, abbreviations and signs in words."""
    text = speak_addresses(text)
    numeric, signed = _DIGIT.search(text) is not None, _SIGN.search(text) is not None
    text = expand_abbreviations(text)
    if numeric:
        text = _BEFORE_NUMBER.sub(_SENTENCE_MARK, text)
        text = speak_times(speak_dates(text, month_first=month_first))
        text = speak_codes(text)
    if signed:
        text = speak_mathematics(text)
    if numeric:
        text = _speak_amounts(text)
    text = speak_numerals(text)
    if signed:
        text = speak_signs(text)
    if numeric:
        text = _MARKED.sub(lambda found: (found[1] or "").upper(), text)
    return _SPACE_AROUND_LINE.sub("\n", _SPACES.sub(" ", text)).strip()


def _speak_amounts(text: str) -> str:
    text = speak_years(speak_spans(text))
    text = speak_units(speak_money(text))
    return speak_numbers(speak_fractions(text))
