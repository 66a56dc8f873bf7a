"""The engine contract: what crosses the border between the platform and an engine."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt


class SpeechError(Exception):
    """Something an engine could not do. `permanent` decides: try again, or never."""

    permanent = True
    code = "engine_failed"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code


class Unsupported(SpeechError):
    """The request asks for what this engine cannot express."""

    code = "unsupported"


class ModelMissing(SpeechError):
    """The model a binding names is not installed on this worker."""

    code = "model_missing"


class ModelDamaged(SpeechError):
    """The model's files are there and are not what they should be."""

    code = "model_damaged"


class EngineBusy(SpeechError):
    """The engine failed in a way that another try may mend."""

    permanent = False
    code = "engine_busy"


@dataclass(frozen=True, slots=True)
class Range:
    low: float
    high: float
    default: float


@dataclass(frozen=True, slots=True)
class Model:
    """One voice model an engine can speak with."""

    id: str
    digest: str
    language: str
    sample_rate: int
    speakers: int = 1


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do, announced by its worker and kept in the ledger as JSON."""

    engine: str
    version: str
    languages: tuple[str, ...]
    max_characters: int
    dials: Mapping[str, Range] = field(default_factory=dict)
    models: tuple[Model, ...] = ()
    variants: tuple[str, ...] = ()  # a model "x" is also "x+variant", with the digest of "x"
    streams: bool = False
    clones: bool = False
    trained: bool = False  # speaks what was trained elsewhere: artifacts without `clones`
    trains: str = ""  # the engine whose voices it trains
    makes: str = ""  # the model that such a voice speaks with
    transcribes: bool = False  # it writes down what is said in recordings that do not say it
    clone_seconds: tuple[float, float] | None = None  # of samples, in all: at least, at most
    train_seconds: tuple[float, float] | None = None
    train_clips: int = 0  # at least
    seeds: bool = False  # the same request with the same seed is the same sound
    finishes: bool = False  # what has begun to sound ends in seconds: a drain lets it
    licence: str = ""
    commercial: bool = True
    real_time_factor: float = 0.1


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """One text in one voice. Dials the caller did not ask for are absent."""

    text: str
    language: str
    model: str
    speaker: int | None = None
    dials: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    artifact: bytes | None = field(default=None, repr=False)  # cloned or trained


@dataclass(frozen=True, slots=True)
class Waveform:
    """Mono samples between -1 and 1."""

    samples: npt.NDArray[np.float32]
    sample_rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate


AudioChunk = Waveform


@dataclass(frozen=True, slots=True)
class VoiceArtifact:
    """What a clone leaves behind: named tensors and where they came from.

    `digest` is that of the model. `likeness` (0 to 1) is how close the engine's own speaker encoder
    finds the clone to its samples; None where it measures none.
    """

    engine: str
    data: bytes = field(repr=False)
    digest: str
    likeness: float | None = None


Progress = Callable[[float], None]


class SpeechEngine(Protocol):
    """An engine in plain Python: settings are constructor arguments, no Django, no Celery.

    Closing the iterator cancels; between two chunks lies a sentence or a step at most.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    def load(self) -> None: ...

    def synthesize(self, request: SpeechRequest) -> Generator[AudioChunk, None, None]: ...


class CloningEngine(SpeechEngine, Protocol):
    """It also speaks with what it cloned: `SpeechRequest.artifact`."""

    def clone(self, samples: Sequence[Waveform], progress: Progress) -> VoiceArtifact:
        """It tells `progress` (0 to 1) every few seconds; what that raises ends the work."""
