"""English texts as StyleTTS2 reads them: phonemes with the punctuation between, as numbers."""

from __future__ import annotations

import re
import unicodedata
from itertools import chain
from typing import TYPE_CHECKING

from styletts2.text_utils import dicts as SYMBOLS  # noqa: N812 - a constant with another's name

from gpu_worker.engines.styletts2.lexicon import words_of
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
_SPACES = r"(?<!\s)\s+"  # from their first on: else long ones are gone through from each
_DASH = re.compile(
    rf"{_SPACES}[–—-]+\s+|({_SPACES})?—\s*"  # noqa: RUF001 - they look alike, that is the point
)
_DIGIT = re.compile("[0-9]")
_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_LONG_NUMBER = re.compile("[0-9]{16,}")  # the reader would round it
_SOUNDING = re.compile("[A-Za-z0-9&]")  # one at least is in all that the reader has sounds for
_READABLE = re.compile(r"[A-Za-z']+|[0-9]+")


def read(text: str, language: str) -> Iterator[list[int]]:
    """The numbers of each piece, in order: a sentence, or less where it is too long for one.

    What has no sound in English (other scripts, emoji) is passed over; a text of nothing else is
    refused at once. The first piece is read at once too, each of the rest when it is asked for.
    """
    if language and primary_language(language) != "en":
        raise Unsupported(
            f"StyleTTS2 does not speak {language!r}; it speaks English.",
            code="language_unsupported",
        )
    sentences = filter(_SOUNDING.search, split_sentences(_plain(text)))
    pieces = chain.from_iterable(map(_pieces, sentences))
    first = next(pieces, None)
    if first is None:
        raise nothing_to_say()
    return chain([first], pieces)


def phonemes(sentence: str) -> str:
    """Words and punctuation with a space between, as the published model was trained on."""
    return " ".join(_spoken(sentence))


def _plain(text: str) -> str:
    """Letters without accents and ligatures, long numbers in digits, a dash as a pause."""
    parted = unicodedata.normalize("NFKD", text)
    letters = "".join(one for one in parted if not unicodedata.combining(one))
    return _LONG_NUMBER.sub(lambda long: _apart(long[0]), _DASH.sub(", ", letters))


def _apart(text: str) -> str:
    """Its digits, each a word: the reader takes long to find that a number is none."""
    return _DIGIT.sub(lambda digit: f" {_DIGITS[int(digit[0])]} ", text)


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
        return words_of(sentence)
    except ArithmeticError:
        return words_of(_apart(sentence))


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
