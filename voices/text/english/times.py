"""English times of day."""

from __future__ import annotations

import re

from voices.text.english.numbers import cardinal, two_digits
from voices.text.english.tables import DAYS, TIME_ZONES

_MERIDIEM = r"([aApP])(?:\.[mM]\.|\.?[mM](?![\w]))"
_CLOCK = re.compile(
    rf"(?<![\w:.,])([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?(?: ?{_MERIDIEM})?(?![\w:])"
)
_HOUR = re.compile(rf"(?<![\w:.,])(1[0-2]|0?[1-9]) ?{_MERIDIEM}(?!\w)")
_SPAN = re.compile(
    r"(?<![\w:.,/-])([0-9]{1,2}(?::[0-9]{2})?(?: ?[ap]\.?m\.?)?) ?[-\u2013—] ?"
    r"(?=[0-9]{1,2}(?::[0-9]{2}(?![\w:])| ?[ap]\.?m\b))",
    re.I,
)
_ON_A_DIAL = range(1, 13)
_NEXT_WORD = re.compile(r" ([A-Z][A-Za-z]*)")


def speak_times(text: str) -> str:
    """`3:30pm` as `three thirty PM`, `15:00` as `fifteen hundred`, `9-5pm` as a span."""
    text = _SPAN.sub(r"\1 to ", text)
    return _HOUR.sub(_speak_hour, _CLOCK.sub(_speak_clock, text))


def _speak_clock(found: re.Match[str]) -> str:
    hour, minute, half = int(found[1]), int(found[2]), found[4]
    words = f"{cardinal(hour)}{_minutes(hour, minute, with_half=bool(half))}"
    if found[3] and found[3] != "00":
        words += f" and {cardinal(int(found[3]))} seconds"
    return words + _half_of_day(found, half)


def _speak_hour(found: re.Match[str]) -> str:
    return cardinal(int(found[1])) + _half_of_day(found, found[2])


def _minutes(hour: int, minute: int, *, with_half: bool) -> str:
    if minute:
        return f" {two_digits(minute)}"
    if with_half:
        return ""
    return " o'clock" if hour in _ON_A_DIAL else " hundred"


def _half_of_day(found: re.Match[str], half: str | None) -> str:
    if not half:
        return ""
    stop = "." if found[0].endswith(".") and _ends_sentence(found) else ""
    return f" {half.upper()}M{stop}"


def _ends_sentence(found: re.Match[str]) -> bool:
    """Whether the full stop of `a.m.` is the sentence's too."""
    rest = found.string[found.end() : found.end() + 40]
    following = _NEXT_WORD.match(rest)
    if following:
        return following[1] not in DAYS | TIME_ZONES
    return not rest or rest.startswith("\n")
