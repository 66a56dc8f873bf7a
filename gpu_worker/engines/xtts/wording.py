"""Texts as XTTS takes them: cut to what it speaks in one go, and counted in its own tokens."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

from synthesis_worker.contract import SpeechError, Unsupported
from synthesis_worker.engines.request import nothing_to_say
from synthesis_worker.languages import primary_language
from synthesis_worker.plain_text import SYLLABLE, split_sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

# Characters that the model speaks without cutting words off, by what its makers found.
LONGEST = {
    "en": 250, "de": 253, "fr": 273, "es": 239, "it": 213, "pt": 203, "pl": 224, "zh": 82,
    "ar": 166, "cs": 186, "ru": 182, "nl": 251, "tr": 226, "ja": 71, "hu": 224, "ko": 95,
    "hi": 150,
}  # fmt: skip
HINDI_DIGITS = ("शून्य", "एक", "दो", "तीन", "चार", "पाँच", "छह", "सात", "आठ", "नौ")
HINDI = {ord(digit): f" {word} " for digit, word in zip("0123456789", HINDI_DIGITS, strict=True)}
WIDE = {"zh", "ja", "ko"}  # their limits are in characters that are syllables
# Upstream fails at numbers of 25 to 70 digits, and at dates in Czech: it is then offered the
# numbers without what stands after them, and at last digit by digit.
# There are no words for longer ones, and to look for them takes time by the square of their length.
LONG_NUMBERS = re.compile(r"[0-9]{25,}")
AFTER_NUMBERS, AFTER_DIGITS = re.compile(r"(?<=[0-9])(?=[^0-9])"), re.compile(r"(?<=[0-9])")


class Wording:
    """Cuts and counts by the vocabulary of one model."""

    def __init__(self, tokenizer: Any, most_tokens: int) -> None:
        self._tokenizer, self._most = tokenizer, most_tokens
        self._reading = threading.Lock()  # upstream keeps the number it reads where all see it

    def read(self, text: str, language: str) -> list[list[int]]:
        """The tokens of each piece, in order."""
        spoken = primary_language(language)
        if spoken not in LONGEST:
            raise Unsupported(
                f"XTTS does not speak {language!r}; it speaks {', '.join(sorted(LONGEST))}.",
                code="language_unsupported",
            )
        longest = LONGEST[spoken] * (SYLLABLE if spoken in WIDE else 1)
        pieces = split_sentences(text, longest)
        if not pieces:
            raise nothing_to_say()
        return [tokens for piece in pieces for tokens in self._fit(piece, spoken)]

    def _fit(self, piece: str, language: str) -> Iterator[list[int]]:
        """Numbers are longer in words than in digits: what is too long then is cut in two."""
        tokens = self._encode(piece, language)
        if len(tokens) < self._most:
            yield tokens
            return
        halves = split_sentences(piece, max(1, (len(piece) + 1) // 2))
        if len(halves) < 2:  # noqa: PLR2004 - not cut
            raise SpeechError(f"XTTS cannot take {piece[:40]!r} in one go.", code="text_too_long")
        for half in halves:
            yield from self._fit(half, language)

    def _encode(self, piece: str, language: str) -> list[int]:
        words = LONG_NUMBERS.sub(lambda found: " ".join(found[0]), piece.strip().lower())
        if language == "hi":  # the only language whose numbers upstream cannot read
            words = words.translate(HINDI)
        for plainer in (words, AFTER_NUMBERS.sub(" ", words), AFTER_DIGITS.sub(" ", words)):
            tokens = self._read_or_fail(plainer, language)
            if tokens:
                return tokens
        raise SpeechError(f"XTTS cannot read {piece[:40]!r}.", code="text_unreadable")

    def _read_or_fail(self, words: str, language: str) -> list[int]:
        """Nothing where upstream fails, by whatever error."""
        try:
            with self._reading:
                tokens: list[int] = self._tokenizer.encode(words, lang=language)
        except ImportError as error:
            raise Unsupported(
                f"This worker lacks what XTTS needs to read {language!r}: {error}.",
                code="language_unsupported",
            ) from error
        except Exception:  # noqa: BLE001 - OverflowError, KeyError, RecursionError, a bare assert
            return []
        return tokens
