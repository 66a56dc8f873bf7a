"""Finding words in sound: a Whisper model that the operator installed, and nothing is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from synthesis_worker.audio import resample
from synthesis_worker.contract import Unsupported
from synthesis_worker.languages import primary_language

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from synthesis_worker.contract import Waveform

RATE = 16_000
FILES = ("config.json", "model.bin", "tokenizer.json")  # without the last one it would be fetched


@dataclass(frozen=True, slots=True)
class Word:
    """The text is as it is written, with the space before it where the language has one."""

    text: str
    start: float
    end: float


class Recogniser(Protocol):
    def words(self, waveform: Waveform, language: str) -> Iterable[Word]: ...

    def rest(self) -> None: ...


def find_recogniser(folder: Path | None, device: str = "cpu") -> tuple[Recogniser | None, str]:
    """The recogniser of this folder, or None and why there is none."""
    if folder is None:
        return None, "No folder with a Whisper model is set."
    if find_spec("faster_whisper") is None:
        return None, "The package faster-whisper is not installed."
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        return None, f"{folder} holds no Whisper model: {', '.join(missing)} missing."
    return WhisperRecogniser(folder, device), ""


class WhisperRecogniser:
    """Loaded when it is asked, and out of memory when it rests."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self._folder, self._device = folder, device
        self._loaded: Any = None

    def words(self, waveform: Waveform, language: str) -> Iterator[Word]:
        """In their order, as they are found. Nothing is drawn by chance: same sound, same words."""
        model = self._model()
        segments, _ = model.transcribe(
            resample(waveform, RATE).samples,
            language=self._code(model, language),
            word_timestamps=True,
            temperature=0.0,
            condition_on_previous_text=False,
        )
        for segment in segments:
            for word in segment.words or ():
                yield Word(word.word, float(word.start), float(word.end))

    def rest(self) -> None:
        self._loaded = None

    def _model(self) -> Any:
        if self._loaded is None:
            from faster_whisper import WhisperModel

            name, _, number = self._device.partition(":")
            self._loaded = WhisperModel(
                str(self._folder),
                device=name,
                device_index=int(number or 0),
                local_files_only=True,
            )
        return self._loaded

    def _code(self, model: Any, language: str) -> str:
        code = primary_language(language)
        if code not in model.supported_languages:
            raise Unsupported(
                f"The installed Whisper model does not know {language}; upload a transcript with"
                " times instead.",
                code="language_unsupported",
            )
        return code
