"""English amounts of money."""

from __future__ import annotations

import re

from voices.text.english.measures import CURRENCIES, PER, SCALES
from voices.text.english.numbers import NUMBER, START, spoken


def _any_of(words: list[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_SYMBOL = _any_of([name for name in CURRENCIES if not name.isalpha()])
_CODE = _any_of([name for name in CURRENCIES if name.isalpha()])
_SCALE = r"(?: ?(?P<scale>(?:thousand|[mb]illion|trillion|mn|bn|tn)\b|(?<=[0-9])[kKmMbBtT]\b))?"
_PER = rf"(?: ?/ ?(?P<per>{_any_of(list(PER))})\b)?"
_TWO_DIGITS = re.compile(r"[0-9]{2}")
_MARKED = re.compile(
    rf"(?<!\w)(?P<currency>{_SYMBOL}|(?:{_CODE}) ?)(?:(?P<least>{NUMBER}) to (?:{_SYMBOL}))?"
    rf"(?P<number>{NUMBER}){_SCALE}{_PER}"
)
_NAMED = re.compile(
    rf"{START}(?P<number>{NUMBER}){_SCALE} ?(?P<currency>{_CODE}|[€£₹₽₩])(?!\w){_PER}"
)


def speak_money(text: str) -> str:
    """`$1.50` as `one dollar and fifty cents`, `€3m` as `three million euros`, `100 USD`."""
    return _NAMED.sub(_speak_amount, _MARKED.sub(_speak_amount, text))


def _speak_amount(found: re.Match[str]) -> str:
    parts = found.groupdict()
    span = f"{spoken(parts['least'])} to " if parts.get("least") else ""
    rate = f" per {PER[parts['per']]}" if parts["per"] else ""
    return (
        span + _sum(found["number"], found["scale"], CURRENCIES[found["currency"].strip()]) + rate
    )


def _sum(number: str, scale: str | None, names: tuple[str, str, str, str]) -> str:
    one, many, hundredth, hundredths = names
    whole, _, decimals = number.partition(".")
    if scale or not hundredth or not _TWO_DIGITS.fullmatch(decimals):
        words = spoken(number) + (f" {SCALES[scale]}" if scale else "")
        return f"{words} {one if number == '1' and not scale else many}"
    large = f"{spoken(whole)} {one if whole == '1' else many}"
    small = f"{spoken(decimals.lstrip('0') or '0')} {hundredth if decimals == '01' else hundredths}"
    if decimals == "00":
        return large
    return small if not whole.strip("0") else f"{large} and {small}"
