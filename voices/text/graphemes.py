"""Where a text may be cut without tearing a character that a reader sees as one."""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
_LOOK_BACK = 32
# Written before the consonant after which they are spoken.
_LEADING_VOWELS = frozenset("เแโใไເແໂໃໄ")
# Letters by category, but part of the syllable before them; then Thai repetition and abbreviation.
_TRAILING_VOWELS = frozenset("ะาำๅະາຳๆฯໆ")
_VIRAMAS = frozenset("\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u1039\u17d2")


def safe_cut(text: str, start: int, end: int) -> int:
    """The last place up to `end` where the text may be cut; always after `start`.

    A cluster of more than 32 characters is cut at `end`: no person writes one.
    """
    for place in range(end, max(start, end - _LOOK_BACK), -1):
        if place >= len(text) or not _belong_together(text, place):
            return place
    return end


def _belong_together(text: str, place: int) -> bool:
    before, after = text[place - 1], text[place]
    if before.isascii() and after.isascii():
        return False
    return (
        _extends(after)
        or before == _JOINER
        or before in _LEADING_VOWELS
        or (before in _VIRAMAS and after.isalpha())
        or ("\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff")
        or (_is_flag_letter(after) and _flag_letters_before(text, place) % 2 == 1)
    )


def _extends(character: str) -> bool:
    return (
        unicodedata.category(character)[0] == "M"
        or character in _TRAILING_VOWELS
        or character in "\u200c\u200d"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\u1160" <= character <= "\u11ff"  # the vowel and the end of a Korean syllable
        or "\U000e0020" <= character <= "\U000e007f"
    )


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flag_letters_before(text: str, place: int) -> int:
    """How many flag letters stand right before, as far back as a cut is looked for."""
    low = max(0, place - 2 * _LOOK_BACK)
    count = 0
    while place - count > low and _is_flag_letter(text[place - count - 1]):
        count += 1
    return count
