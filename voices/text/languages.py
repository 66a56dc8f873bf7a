"""What a language tag says about how its text is written."""

from __future__ import annotations

import re

_REGION = re.compile(r"[a-z]{2}")
# Written without spaces between words: a space is a pause there, or there is none at all.
_UNSPACED = frozenset({"th", "lo", "km", "my"})
_MONTH_FIRST = frozenset({"", "us", "ph"})


def primary_language(tag: str) -> str:
    """The first part of a BCP 47 tag in lower case: `en` for `en-GB` and for `en_us`."""
    return tag.replace("_", "-").partition("-")[0].lower()


def region(tag: str) -> str:
    """The region of a tag in lower case, or nothing: `gb` for `en-GB`, `` for `en`."""
    parts = tag.replace("_", "-").lower().split("-")[1:]
    return next((part for part in parts if _REGION.fullmatch(part)), "")


def is_unspaced(tag: str) -> bool:
    return primary_language(tag) in _UNSPACED


def writes_month_first(tag: str) -> bool:
    """Whether 11/12 is the twelfth of November there, as in the United States."""
    return region(tag) in _MONTH_FIRST
