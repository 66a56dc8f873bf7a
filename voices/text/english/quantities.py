"""English for the numbers that are no date, time, money or measure."""

from __future__ import annotations

import re

from voices.text.english.numbers import NUMBER, START, cardinal, digits, ordinal, plural, spoken
from voices.text.english.tables import FRACTIONS, SPOKEN_SLASHES

_PHONE = re.compile(
    r"(?<![\w.,/+-])(?:"
    r"\+[0-9](?:[ .()-]{0,2}[0-9]){6,16}"
    r"|(?:1[-. ])?(?:\([0-9]{3}\) ?|[0-9]{3}[-.])[0-9]{3}[-. ][0-9]{4}"
    r"|[0-9]{2}[1-9]-[0-9]{4}|[0-9]{1,9}(?:-[0-9]{1,9}){2,6}"
    r"|[0-9]{4}(?:[ -][0-9]{4}){3}"
    r"|\(?0[0-9]{2,4}\)?[ -][0-9]{3,4}(?:[ -]?[0-9]{3,4})?"
    r")(?![\w]|[-/][0-9]|[.,][0-9])"
)
_LONG = re.compile(rf"{START}(?<!\.)[0-9]{{10,}}+(?![\w]|[.,][0-9])")
_VERSION = re.compile(r"(?<![\w.])[vV]([0-9]{1,9}(?:\.[0-9]{1,9}){0,5})(?![\w])")
_DOTTED = re.compile(r"(?<![\w.])[0-9]{1,9}(?:\.[0-9]{1,9}){2,6}(?!\w|\.[0-9])")
_FOUR_PARTS = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_SPAN = re.compile(
    rf"{START}(?<![-\u2013])(([$£€]?){NUMBER}(?:%|°[CF]?|[A-Za-z]{{1,3}})?)"
    rf"(?:-| ?\u2013 ?|—)[$£€]?(?={NUMBER}(?!-\w|[\u2013—][0-9]))"
)
_SIGN = re.compile(r"(?:(?<![^\s(\[\"“=<>])[-\u2212]|\u2212)(?=[$£€]?\.?[0-9])")
_ORDINAL = re.compile(
    rf"{START}([0-9]{{1,3}}(?:,[0-9]{{3}})+|[0-9]{{1,15}})(?:st|nd|rd|th)\b", re.I
)
_NAMED_PARTS = {str(part) for part in (*range(2, 21), 32, 64, 100, 1000)}
_MIXED = re.compile(rf"{START}([0-9]{{1,9}}) ([1-9])/([2-9]|1[0-9])(?![\w/])")
_SLASHED = re.compile(rf"{START}(?<!/)({NUMBER})/({NUMBER})(?![\w/])")
_POINT_FIRST = re.compile(r"(?<![\w.])\.[0-9]++(?!\w)")
_NUMBER = re.compile(rf"{START}(?![0-9]{{1,20}}[A-Za-z]{{1,20}}[0-9]){NUMBER}(?=([A-Za-z]?))")
_VULGAR = re.compile(f" ?([{''.join(FRACTIONS)}])(?=(\\w?))")
_BY = re.compile(r"(?<=[0-9])(?<!\b0) ?x ?(?=[0-9])")
_RATIO = re.compile(r"(?<=[0-9]):(?=[0-9])")


def speak_codes(text: str) -> str:
    """Telephone and card numbers digit by digit, versions and addresses point by point."""
    text = _PHONE.sub(_speak_phone, text)
    text = _LONG.sub(lambda found: digits(found[0]), text)
    text = _VERSION.sub(lambda found: f"version {_parts(found[1], 'point')}", text)
    return _DOTTED.sub(_speak_dotted, text)


def speak_spans(text: str) -> str:
    """`5-10` as `5 to 10`, `5x10` as `5 by 10`, `-5` as `minus 5`; the digits stay."""
    text = _BY.sub(" by ", text)
    return _SIGN.sub("minus ", _RATIO.sub(" to ", _SPAN.sub(r"\1 to \2", text)))


def speak_fractions(text: str) -> str:
    """`1/2` and `½` as `one half`, `2 3/4` as `two and three quarters`, `24/7` as people say it."""
    if not text.isascii():
        text = _VULGAR.sub(lambda found: f" {FRACTIONS[found[1]]}{' ' if found[2] else ''}", text)
    text = _MIXED.sub(
        lambda found: f"{cardinal(int(found[1]))} and {_fraction(found[2], found[3], 'a')}", text
    )
    return _SLASHED.sub(_speak_slashed, text)


def speak_numbers(text: str) -> str:
    """Ordinals, decimals and cardinals; a number inside a word is left to the engine."""
    text = _ORDINAL.sub(lambda found: ordinal(int(found[1].replace(",", ""))), text)
    text = _POINT_FIRST.sub(lambda found: spoken(found[0]), text)
    return _NUMBER.sub(lambda found: spoken(found[0]) + (" " if found[1] else ""), text)


def _speak_phone(found: re.Match[str]) -> str:
    groups = ", ".join(digits(group) for group in re.findall("[0-9]+", found[0]))
    return f"plus {groups}" if found[0].startswith("+") else groups


def _speak_dotted(found: re.Match[str]) -> str:
    return _parts(found[0], "dot" if _FOUR_PARTS.fullmatch(found[0]) else "point")


def _parts(dotted: str, word: str) -> str:
    return f" {word} ".join(spoken(part) for part in dotted.split("."))


def _speak_slashed(found: re.Match[str]) -> str:
    if found[0] in SPOKEN_SLASHES:
        return SPOKEN_SLASHES[found[0]]
    top, bottom = found.groups()
    if bottom in _NAMED_PARTS and top in _NAMED_PARTS | {"1"} and int(top) < int(bottom):
        return _fraction(top, bottom, "one")
    return f"{spoken(top)} over {spoken(bottom)}"


def _fraction(top: str, bottom: str, one: str) -> str:
    name = {"2": "half", "4": "quarter"}.get(bottom) or ordinal(int(bottom))
    if top == "1":
        article = "an" if one == "a" and name[0] in "e" else one
        return f"{article} {name}"
    return f"{cardinal(int(top))} {'halves' if name == 'half' else plural(name)}"
