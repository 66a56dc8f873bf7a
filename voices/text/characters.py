"""Characters nobody hears: controls, zero-width characters, emoji, odd white space."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_LINE_BREAK = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SPACES = re.compile(r"[^\S\n]+")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\u20e3\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffd\ue000-\uf8ff\ud800-\udfff"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
# Arabic and the scripts of India need their joiners to be read rightly; elsewhere they are noise.
_JOINERS = re.compile("(?<![\u0600-\u1cff])[\u200c\u200d]|[\u200c\u200d](?![\u0600-\u1cff])")
_PICTURES = (
    "\u231a\u231b\u2328\u23cf\u23e9-\u23fa\u2500-\u266c\u2670-\u2775\u2794-\u27bf\u2934\u2935"
    "\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001faff"
)
_ONE_EMOJI = f"(?:[0-9#*]\ufe0f?\u20e3|[^\\w\\s]\ufe0f|[{_PICTURES}])"
_EMOJI = re.compile(f" ?(?:{_ONE_EMOJI}[\u200c\u200d\U000e0020-\U000e007f]* ?)++")
_CURLY_APOSTROPHE = re.compile("(?<=[^\\W\\d_])[\u2018\u2019\u02bc\uff07](?=[^\\W\\d_])")
_MARKS_KEPT = 8
_LAST_WITH_MARKS = 0x1E94B


def tidy_characters(text: str) -> str:
    """The text in NFC with plain spaces and line feeds, and only characters a voice can use."""
    text = _LINE_BREAK.sub("\n", text)
    if not text.isascii():
        text = _tidy_unicode(text)
    text = _CONTROL.sub("", text)
    return _SPACES.sub(" ", text)


def _tidy_unicode(text: str) -> str:
    text = _EMOJI.sub(_gap_for_emoji, text)
    text = _JOINERS.sub("", _INVISIBLE.sub("", text))
    text = _CURLY_APOSTROPHE.sub("'", text)
    return unicodedata.normalize("NFC", _stacked_marks().sub(r"\1", text))


def _gap_for_emoji(found: re.Match[str]) -> str:
    """A space between two words, nothing before punctuation or at an end."""
    after = found.string[found.end() : found.end() + 1]
    return "" if after in ".,!?;:)]}\n" else " "


@cache
def _stacked_marks() -> re.Pattern[str]:
    """More marks on one letter than any script uses.

    Nobody can say them, and sorting a long run of them would make NFC quadratic.
    """
    marks = [code for code in range(0x300, _LAST_WITH_MARKS) if unicodedata.combining(chr(code))]
    members = "".join(map(chr, marks))
    return re.compile(f"([{members}]{{{_MARKS_KEPT}}})[{members}]++")
