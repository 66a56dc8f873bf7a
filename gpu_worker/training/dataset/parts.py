"""What a data set is made from, and what is said of a part that is not fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from synthesis_worker.contract import SpeechError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from synthesis_worker.contract import Waveform
    from voices.transcripts import Line

RECOGNISE = (
    "Upload a transcript with times (SRT, VTT or CSV), send recordings of one sentence each with "
    "their text, or ask the operator to install a Whisper model."
)


@dataclass(frozen=True, slots=True)
class Recording:
    """One sample and what is said in it. It is read when its turn comes, and forgotten after."""

    sha256: str
    name: str
    read: Callable[[], Waveform] = field(repr=False)
    transcript: Sequence[Line] | None = None
    seconds: float | None = None  # where it is known before reading


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of a recording that shall be a clip.

    `given`: its times are the transcript's own. `match`: how much of its text was heard (0 to 1).
    """

    start: float
    end: float
    text: str
    given: bool = False
    match: float = 1.0


@dataclass(frozen=True, slots=True)
class Rejection:
    """A part that was left out, and why, for the person who made the recording."""

    source: str
    start: float
    end: float
    code: str
    message: str


class Unfit(Exception):
    """This part goes no further; the others do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class DatasetError(SpeechError):
    """No data set can be made of these recordings; `rejected` says what was left out and why.

    dataset_too_small, dataset_too_large, dataset_all_bad, several_speakers, recogniser_missing.
    """

    code = "dataset_unfit"

    def __init__(self, message: str, *, code: str, rejected: Sequence[Rejection] = ()) -> None:
        super().__init__(message, code=code)
        self.rejected = tuple(rejected)
