"""How often each sound of the language is said in a data set, as espeak reads its texts."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthesis_worker.contract import Unsupported
from synthesis_worker.engines.espeak_library import espeak_library
from synthesis_worker.engines.espeak_voices import EspeakVoices
from synthesis_worker.languages import primary_language

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ANY = r"[^\W\d_\u02d0\u02d1][\u02d0\u02d1\u0300-\u036f]*"  # a sign, its length and its marks
_STRESS = str.maketrans("", "", "\u02c8\u02cc")


@dataclass(frozen=True, slots=True)
class Phonemes:
    """`coverage` (0 to 1) is of the language's sounds; None where we know no list of them.

    Without espeak, which comes in Piper's wheel, nothing is counted.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    coverage: float | None = None
    missing: tuple[str, ...] = ()


def count_phonemes(texts: Iterable[str], language: str) -> Phonemes:
    known = _inventories().get(primary_language(language), {})
    sounds: list[str] = known.get("sounds", [])
    voice = _voice(known.get("voice", language))
    if voice is None:
        return Phonemes()
    longest_first = sorted(sounds, key=len, reverse=True)
    pattern = re.compile("|".join([*longest_first, _ANY]))
    counts = Counter(one for text in texts for one in pattern.findall(_spoken(voice, text)))
    missing = tuple(sound for sound in sounds if not counts[sound])
    coverage = round(1 - len(missing) / len(sounds), 3) if sounds else None
    return Phonemes(dict(sorted(counts.items())), coverage, missing)


@cache
def _inventories() -> dict[str, dict[str, Any]]:
    data: dict[str, dict[str, Any]]
    data = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
    return data


def _voice(language: str) -> str | None:
    """espeak's own name for the voice; None where it is not, or does not speak the language."""
    if find_spec("piper") is None:
        return None
    try:
        return EspeakVoices(espeak_library()).find("", language)
    except Unsupported:
        return None


def _spoken(voice: str, text: str) -> str:
    """As Piper reads it in a training; espeak's one state is not for two threads."""
    from piper.voice import _ESPEAK_PHONEMIZER_LOCK

    with _ESPEAK_PHONEMIZER_LOCK:
        sentences = _phonemizer().phonemize(voice, text)
    return " ".join("".join(phonemes) for phonemes in sentences).translate(_STRESS)


@cache
def _phonemizer() -> Any:
    from piper.phonemize_espeak import EspeakPhonemizer

    return EspeakPhonemizer()
