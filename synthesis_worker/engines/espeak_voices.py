"""The voices, variants and languages of espeak, and which voice a request means."""

import hashlib
import re
from collections.abc import Iterator

from synthesis_worker.contract import Model, ModelMissing, Unsupported
from synthesis_worker.engines.espeak_library import SAMPLE_RATE, EspeakLibrary, Voice
from synthesis_worker.languages import canonical_tag, primary_language, widening_tags


class EspeakVoices:
    """Read once from the library; knows every voice by its name and by the languages it serves."""

    def __init__(self, library: EspeakLibrary) -> None:
        voices = [voice for voice in library.voices() if _has_dictionary(library, voice)]
        self._by_name = {_name(voice).lower(): voice for voice in voices}
        self._by_tag = _best_by_tag(voices)
        self.languages = tuple(sorted(self._by_tag))
        self.variants = tuple(_usable_variants(library))
        data = _digest(library)
        self.models = tuple(
            Model(name, _digest_of(data, voice), canonical_tag(_name(voice)), SAMPLE_RATE)
            for name, voice in sorted(self._by_name.items())
        )

    def find(self, model: str, language: str) -> str:
        """The library's own name for "en-us", "de+f3", or "+f3" with the language's first voice.

        A region that espeak does not know falls back to its language. Refused: a voice or a
        variant that is not there, and a voice of another language.
        """
        name, plus, variant = model.partition("+")
        if plus and variant not in self.variants:
            raise ModelMissing(f"espeak has no variant {variant!r}; see its capabilities.")
        voice = self._named(name) if name else self._speaking(language)
        if language and primary_language(language) not in _primary_languages(voice):
            raise Unsupported(f"espeak's voice {name!r} does not speak {language!r}.")
        return voice.identifier + plus + variant

    def _named(self, name: str) -> Voice:
        found = self._by_name.get(name.lower()) or self._by_tag.get(canonical_tag(name))
        if found is None:
            raise ModelMissing(f"espeak has no voice {name!r}; see its capabilities.")
        return found

    def _speaking(self, language: str) -> Voice:
        for tag in widening_tags(language):
            if tag in self._by_tag:
                return self._by_tag[tag]
        raise Unsupported(f"espeak does not speak {language!r}; see its capabilities.")


def _name(voice: Voice) -> str:
    return voice.identifier.rpartition("/")[2]


def _has_dictionary(library: EspeakLibrary, voice: Voice) -> bool:
    """A few voices come without a dictionary and are silent; one may use another's by name."""
    settings = (library.data / "lang" / voice.identifier).read_text(encoding="utf-8")
    named = re.search(r"(?m)^dictionary\s+(\S+)", settings)
    dictionary = named[1] if named else primary_language(voice.tags[0][1])
    return (library.data / f"{dictionary}_dict").is_file()


def _best_by_tag(voices: list[Voice]) -> dict[str, Voice]:
    """espeak ranks the voices of a language from 1; the best one is written last and stays."""
    ranked = [(rank, voice.identifier, tag, voice) for voice in voices for rank, tag in voice.tags]
    ranked.sort(key=lambda entry: entry[:2], reverse=True)
    return {canonical_tag(tag): voice for _, _, tag, voice in ranked}


def _primary_languages(voice: Voice) -> set[str]:
    return {primary_language(tag) for tag in (_name(voice), *(tag for _, tag in voice.tags))}


def _usable_variants(library: EspeakLibrary) -> Iterator[str]:
    """Variants of the Klatt synthesiser are left out: the wheel is built without it."""
    for file in sorted((library.data / "voices" / "!v").iterdir()):
        if not re.search(rb"(?m)^klatt", file.read_bytes()):
            yield file.name


def _digest(library: EspeakLibrary) -> str:
    """One digest of the program and all its data: every voice's sound hangs on them."""
    total = hashlib.sha256(library.binary.read_bytes())
    for file in sorted(library.data.rglob("*")):
        if file.is_file():
            total.update(file.relative_to(library.data).as_posix().encode())
            total.update(file.read_bytes())
    return total.hexdigest()


def _digest_of(data: str, voice: Voice) -> str:
    return hashlib.sha256(f"{data} {voice.identifier}".encode()).hexdigest()
