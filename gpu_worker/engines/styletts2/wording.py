"""English texts as StyleTTS2 reads them: phonemes with the punctuation between, as numbers."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import gruut
from styletts2.text_utils import dicts as SYMBOLS  # noqa: N812 - a constant with another's name

from synthesis_worker.contract import Unsupported
from synthesis_worker.engines.request import nothing_to_say
from synthesis_worker.languages import primary_language
from synthesis_worker.plain_text import split_sentences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

START = 0
MOST = 512 - 1  # numbers behind the start: the text reader has no more places
_STOPS = {SYMBOLS[mark] for mark in ";:,.!?"}
_SPACE = SYMBOLS[" "]
_DASH = re.compile(r"\s+[–—-]+\s+|\s*—\s*")  # noqa: RUF001 - they look alike, that is the point
_DIGIT = re.compile("[0-9]")
_LONG_NUMBER = re.compile("[0-9]{16,}")  # the reader would round it
_READABLE = re.compile(r"[A-Za-z']+|[0-9]+")


def read(text: str, language: str) -> list[list[int]]:
    """The numbers of each piece, in order: a sentence, or less where it is too long for one.

    What has no sound in English (other scripts, emoji) is passed over; a text of nothing else is
    refused.
    """
    if language and primary_language(language) != "en":
        raise Unsupported(
            f"StyleTTS2 does not speak {language!r}; it speaks English.",
            code="language_unsupported",
        )
    pieces = [piece for sentence in split_sentences(_plain(text)) for piece in _pieces(sentence)]
    if not pieces:
        raise nothing_to_say()
    return pieces


def phonemes(sentence: str) -> str:
    """Words and punctuation with a space between, as the published model was trained on."""
    return " ".join(_spoken(sentence))


def _plain(text: str) -> str:
    """Letters without accents and ligatures, long numbers in digits, a dash as a pause."""
    parted = unicodedata.normalize("NFKD", text)
    letters = "".join(one for one in parted if not unicodedata.combining(one))
    return _LONG_NUMBER.sub(lambda long: _apart(long[0]), _DASH.sub(", ", letters))


def _apart(text: str) -> str:
    """Its digits, each a word."""
    return _DIGIT.sub(r" \g<0> ", text)


def _spoken(sentence: str) -> Iterator[str]:
    for words in _words(sentence):
        for word in words:
            if word.is_major_break or word.is_minor_break:
                yield word.text
            elif word.phonemes:
                yield "".join(word.phonemes)
            else:
                yield from _spoken_in_parts(word.text)


def _words(sentence: str) -> list[Any]:
    """A number too large to be a word is read digit by digit too."""
    try:
        return list(gruut.sentences(sentence, lang="en-us", espeak=True))
    except ArithmeticError:
        return list(gruut.sentences(_apart(sentence), lang="en-us", espeak=True))


def _spoken_in_parts(word: str) -> Iterator[str]:
    """What has no sound as it stands ("1/2") may have one in parts ("1 2")."""
    parts = " ".join(_READABLE.findall(word))
    if parts and parts != word:
        yield from _spoken(parts)


def _pieces(sentence: str) -> Iterator[list[int]]:
    numbers = [SYMBOLS[symbol] for symbol in phonemes(sentence) if symbol in SYMBOLS]
    while any(number not in _STOPS and number != _SPACE for number in numbers):
        end = _last_break(numbers)
        yield [START, *numbers[:end]]
        numbers = numbers[end:]


def _last_break(numbers: list[int]) -> int:
    """Behind the last stop that fits, else behind the last space, else where no more fit."""
    if len(numbers) <= MOST:
        return len(numbers)
    for breaks in (_STOPS, {_SPACE}):
        for end in range(MOST, MOST // 4, -1):
            if numbers[end - 1] in breaks:
                return end
    return MOST
