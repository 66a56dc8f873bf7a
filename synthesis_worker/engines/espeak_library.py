"""The espeak-ng library inside the piper wheel, opened afresh for every sentence.

espeak keeps pitch flutter, gain and noise in static variables that no call resets, so a sentence
would sound of what was said before it. A fresh private copy makes every sentence the same for
ever, costs a fifth of a millisecond, and stands apart from Piper's own use of the library.
"""

import _ctypes
import ctypes
import functools
import importlib.util
import os
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthesis_worker.contract import ModelMissing

SAMPLE_RATE = 22050
SEED = 1

_SYNCHRONOUS, _DO_NOT_EXIT = 2, 1 << 15
_UTF8, _PAUSE_AT_END = 1, 0x1000
_AT_CHARACTER = 1
_RATE, _VOLUME, _PITCH, _PITCH_RANGE, _PUNCTUATION, _CAPITALS, _WORD_GAP = range(1, 8)

_ON_SOUND = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class _Voice(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice file of espeak and the language tags it serves, each with its rank (low is first)."""

    identifier: str
    tags: tuple[tuple[int, str], ...]


class EspeakLibrary:
    """Speaks one sentence per call, from any thread, the same bytes for the same arguments."""

    def __init__(self, folder: Path, copies: int) -> None:
        self.folder = folder
        self.data = folder / "espeak-ng-data"
        self.binary = folder / "espeakbridge.so"
        self._copies: queue.SimpleQueue[str] = queue.SimpleQueue()
        program = self.binary.read_bytes()
        for _ in range(copies):
            self._copies.put(_in_memory(program))

    def version(self) -> str:
        with self._opened() as library:
            library.espeak_Info.restype = ctypes.c_char_p
            return str(library.espeak_Info(None).decode())

    def voices(self) -> tuple[Voice, ...]:
        with self._opened() as library:
            library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
            return tuple(_read_voices(library.espeak_ListVoices(None)))

    def speak(self, voice: str, text: str, *, rate: int, pitch: int, pause: bool) -> bytes:
        """16-bit samples of one sentence, with espeak's own pause behind it where asked."""
        parts: list[bytes] = []

        def keep(samples: int | None, count: int, _events: int | None) -> int:
            if samples and count > 0:
                parts.append(ctypes.string_at(samples, count * 2))
            return 0

        with self._opened() as library:
            on_sound = _ON_SOUND(keep)  # named, or it would be gone before it is called
            library.espeak_SetSynthCallback(on_sound)
            library.espeak_ng_SetRandSeed(ctypes.c_long(SEED))
            if library.espeak_SetVoiceByName(voice.encode()) != 0:
                raise ModelMissing(f"espeak cannot open its voice {voice!r}.")
            _set_parameters(library, rate, pitch)
            _synthesize(library, text.encode(), _UTF8 | (_PAUSE_AT_END if pause else 0))
        return b"".join(parts)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        path = self._copies.get()
        try:
            library = ctypes.CDLL(path)
            try:
                self._initialize(library)
                yield library
            finally:
                library.espeak_Terminate()
                _ctypes.dlclose(library._handle)  # noqa: SLF001 - ctypes has no other way to close
        finally:
            self._copies.put(path)

    def _initialize(self, library: Any) -> None:
        where = os.fsencode(self.folder)
        rate = library.espeak_Initialize(_SYNCHRONOUS, 0, where, _DO_NOT_EXIT)
        if rate != SAMPLE_RATE:
            raise ModelMissing(f"espeak-ng does not start from {self.data} (it says {rate}).")


@functools.cache
def espeak_library() -> EspeakLibrary:
    """The library of this process, found without importing piper; one copy for each core."""
    found = importlib.util.find_spec("piper")
    if found is None or found.origin is None:
        raise ModelMissing("espeak needs the piper-tts wheel: pip install piper-tts==1.8.0")
    return EspeakLibrary(Path(found.origin).parent, copies=len(os.sched_getaffinity(0)))


def _in_memory(program: bytes) -> str:
    """A file without a name: nothing to clean up, and no mount option forbids running it."""
    descriptor = os.memfd_create("espeak-ng")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(program)
    return f"/proc/self/fd/{descriptor}"


def _set_parameters(library: Any, rate: int, pitch: int) -> None:
    settings = {
        _RATE: rate,
        _VOLUME: 100,
        _PITCH: pitch,
        _PITCH_RANGE: 50,
        _PUNCTUATION: 0,
        _CAPITALS: 0,
        _WORD_GAP: 0,
    }
    for parameter, value in settings.items():
        library.espeak_SetParameter(parameter, value, 0)


def _synthesize(library: Any, text: bytes, flags: int) -> None:
    size = ctypes.c_size_t(len(text) + 1)
    library.espeak_Synth(text, size, 0, _AT_CHARACTER, 0, flags, None, None)
    library.espeak_Synchronize()


def _read_voices(found: Any) -> Iterator[Voice]:
    index = 0
    while found[index]:
        voice = found[index].contents
        yield Voice(voice.identifier.decode(), tuple(_read_tags(voice.languages)))
        index += 1


def _read_tags(address: int) -> Iterator[tuple[int, str]]:
    """espeak's list of languages: a byte of rank, a name ended by NUL, and again, until NUL."""
    while rank := ctypes.string_at(address, 1)[0]:
        name = ctypes.string_at(address + 1)
        yield rank, name.decode()
        address += len(name) + 2
