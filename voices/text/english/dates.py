"""English dates, years and decades."""

from __future__ import annotations

import re
from functools import partial

from voices.text.english.numbers import START, cardinal, ordinal, plural, two_digits, year
from voices.text.english.tables import MONTHS, WEAK_YEAR_CUES, YEAR_CUES

_MONTH = (
    r"(Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_DAY = r"([0-9]{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(1[0-9]{3}|2[01][0-9]{2})"
_END = r"(?![\w]|[.,:/][0-9])"
_TWO_DIGIT_YEARS, _OUR_CENTURY = range(100), range(50)
_MONTHS_OF_YEAR, _DAYS_OF_MONTH = range(1, 13), range(1, 32)
_ISO = re.compile(
    r"(?<![\w-])([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.[0-9]{1,9})?(Z?)|)(?![\w-])"
)
_NUMERIC = re.compile(r"(?<![\w/.-])([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})(?![\w/-])")
_MONTH_DAY = re.compile(rf"\b{_MONTH} {_DAY}(?:[-\u2013]([0-9]{{1,2}}))?(?:,? {_YEAR})?{_END}")
_DAY_MONTH = re.compile(rf"\b(?:the )?(?<![-./,]){_DAY}(?: of)? {_MONTH}(?:,? {_YEAR})?{_END}")
_MONTH_YEAR = re.compile(rf"\b{_MONTH},? {_YEAR}{_END}")
_DECADE = re.compile(rf"{START}(1[0-9]|20)([0-9])0'?s\b|'([2-9])0s\b")
_SHORT_DECADE = re.compile(r"\b(the|early|mid|late)([ -])([2-9])0s\b", re.I)
_YEARS = re.compile(
    rf"{START}(?<![-.$£€]){_YEAR} ?[-\u2013/] ?({_YEAR[1:-1]}|[0-9]{{2}})(?![\w.,-]\w|\w)"
)
_CUED_YEAR = re.compile(
    rf"\b((?:{YEAR_CUES}),? (?=1[1-9]|20)|(?:{WEAK_YEAR_CUES}) (?=19|20))([0-9]{{4}})"
    r"(?![\w%°]|[.,:/-][0-9])",
    re.I,
)
_LONE_YEAR = re.compile(
    rf"{START}(?<![-.$£€#+])(19[0-9]{{2}}|20[0-9]{{2}})"
    r"(?![\w%°]|[.,:/][0-9]| (?:by|times|plus|minus|over|people|[a-z]{2,30}s)\b)"
)


def speak_dates(text: str, *, month_first: bool) -> str:
    """Every date with a day in it, and months with a year; impossible dates stay as they are."""
    text = _ISO.sub(partial(_speak_iso, month_first=month_first), text)
    text = _NUMERIC.sub(partial(_speak_numeric, month_first=month_first), text)
    text = _DAY_MONTH.sub(_speak_day_month, text)
    text = _MONTH_DAY.sub(_speak_month_day, text)
    return _MONTH_YEAR.sub(lambda found: f"{_month(found[1])} {year(int(found[2]))}", text)


def speak_years(text: str) -> str:
    """Decades, spans of years, and four digits that are a year by their place or their size."""
    text = _DECADE.sub(_speak_decade, text)
    text = _SHORT_DECADE.sub(lambda found: f"{found[1]}{found[2]}{_tens(found[3])}", text)
    text = _YEARS.sub(_speak_span, text)
    text = _CUED_YEAR.sub(lambda found: f"{found[1]}{year(int(found[2]))}", text)
    return _LONE_YEAR.sub(lambda found: year(int(found[1])), text)


def _speak_iso(found: re.Match[str], *, month_first: bool) -> str:
    spoken = _date(int(found[1]), int(found[2]), int(found[3]), month_first=month_first)
    if not spoken:
        return found[0]
    time = f" at {found[4]}" if found[4] else ""
    return spoken + time + (" UTC" if found[5] else "")


def _speak_numeric(found: re.Match[str], *, month_first: bool) -> str:
    """11/21/2026 or 21/11/2026: the order of the region, unless only the other one is a date."""
    first, second, years = int(found[1]), int(found[3]), int(found[4])
    if years in _TWO_DIGIT_YEARS:
        if found[2] != "/":
            return found[0]
        years += 2000 if years in _OUR_CENTURY else 1900
    in_order = (first, second) if month_first and found[2] != "." else (second, first)
    for month, day in (in_order, in_order[::-1]):
        if spoken := _date(years, month, day, month_first=month_first):
            return spoken
    return found[0]


def _speak_day_month(found: re.Match[str]) -> str:
    day, month = int(found[1]), _month(found[2])
    if day not in _DAYS_OF_MONTH:
        return found[0]
    return f"the {ordinal(day)} of {month}{_of_year(found[3])}"


def _speak_month_day(found: re.Match[str]) -> str:
    day, month = int(found[2]), _month(found[1])
    if day not in _DAYS_OF_MONTH:
        return found[0]
    last = f" to {ordinal(int(found[3]))}" if found[3] else ""
    return f"{month} {ordinal(day)}{last}{_of_year(found[4])}"


def _speak_decade(found: re.Match[str]) -> str:
    if found[3]:
        return _tens(found[3])
    century, tens = int(found[1]), found[2]
    if tens != "0":
        return f"{cardinal(century)} {'tens' if tens == '1' else _tens(tens)}"
    return f"{year(century * 100)}s"


def _speak_span(found: re.Match[str]) -> str:
    last = int(found[2])
    spoken_last = two_digits(last) if last in _TWO_DIGIT_YEARS else year(last)
    return f"{year(int(found[1]))} to {spoken_last}"


def _date(years: int, month: int, day: int, *, month_first: bool) -> str:
    """The date in words, or nothing when there is no such day."""
    if month not in _MONTHS_OF_YEAR or day not in _DAYS_OF_MONTH:
        return ""
    name = MONTHS[month - 1]
    if month_first:
        return f"{name} {ordinal(day)}, {year(years)}"
    return f"the {ordinal(day)} of {name}, {year(years)}"


def _of_year(digits: str | None) -> str:
    return f", {year(int(digits))}" if digits else ""


def _month(name: str) -> str:
    return next(month for month in MONTHS if month.startswith(name[:3]))


def _tens(digit: str) -> str:
    return plural(cardinal(int(digit) * 10))
