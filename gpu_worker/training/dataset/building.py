"""Building a data set, one recording after the other; what is not fit is left out and reported."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from gpu_worker.training.dataset.cutting import check_recogniser, cuts_of
from gpu_worker.training.dataset.hearing import hear
from gpu_worker.training.dataset.judging import fit_clip, same_speaker
from gpu_worker.training.dataset.limits import limits
from gpu_worker.training.dataset.parts import DatasetError, Rejection, Unfit
from gpu_worker.training.dataset.phonemes import count_phonemes
from gpu_worker.training.dataset.report import REPORT, Report
from gpu_worker.training.dataset.writing import ClipFolder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gpu_worker.training.dataset.limits import Minimum
    from gpu_worker.training.dataset.parts import Recording
    from gpu_worker.training.dataset.recogniser import Recogniser, Word
    from synthesis_worker.contract import Progress, Waveform
    from synthesis_worker.probing.frames import Frames
    from voices.transcripts import Line


def build(
    recordings: Sequence[Recording],
    target: Path,
    *,
    rate: int,
    language: str,
    minimum: Minimum,
    recogniser: Recogniser | None = None,
    progress: Progress = lambda _: None,
) -> Report:
    """Write the data set into `target` and say what it holds; DatasetError where it cannot be.

    The same recordings give the same bytes. What `progress` raises ends the work.
    """
    building = _Building(language, minimum, recogniser)
    building.refuse_what_is_known(recordings)
    return building.run(recordings, target, rate, progress)


class _Building:
    def __init__(self, language: str, minimum: Minimum, recogniser: Recogniser | None) -> None:
        self.language, self.minimum, self.recogniser = language, minimum, recogniser
        self.heard = 0.0
        self.rejected: list[Rejection] = []
        self.frames: list[Frames] = []

    def run(
        self, recordings: Sequence[Recording], target: Path, rate: int, progress: Progress
    ) -> Report:
        (target / REPORT).unlink(missing_ok=True)
        self.clips = ClipFolder(target, rate)
        for done, recording in enumerate(recordings):
            self._take(recording, partial(_tell, progress, done, len(recordings)))
        self._name_unknown_files(recordings)
        self._check_enough()
        self._check_one_speaker()
        report = self._report()
        report.write(target)
        return report

    def refuse_what_is_known(self, recordings: Sequence[Recording]) -> None:
        """Before anything is read."""
        self._check_all(sum(one.seconds or 0.0 for one in recordings))
        for one in recordings:
            if one.seconds is not None:
                self._check_recogniser(one, one.seconds)

    def _take(self, recording: Recording, progress: Progress) -> None:
        progress(0.0)
        waveform = recording.read()
        self.heard += waveform.seconds
        self._check_all(self.heard)
        self._check_recogniser(recording, waveform.seconds)
        try:
            self._cut(recording, waveform, progress)
        except Unfit as unfit:
            self._reject(recording, 0.0, waveform.seconds, unfit)

    def _name_unknown_files(self, recordings: Sequence[Recording]) -> None:
        """A transcript may speak of recordings that are not here."""
        told = [line for one in recordings for line in one.transcript or ()]
        names = [one.name for one in recordings]
        unknown = {line.file for line in told if line.file and not any(map(line.is_of, names))}
        message = "No recording has this name; correct the transcript, or send the recording."
        self.rejected += (
            Rejection(file, 0.0, 0.0, "transcript_file_unknown", message)
            for file in sorted(unknown)
        )

    def _report(self) -> Report:
        phonemes = count_phonemes(self.clips.texts, self.language)
        return Report(
            language=self.language,
            rate=self.clips.rate,
            clips=len(self.clips.texts),
            seconds=round(self.clips.seconds, 3),
            phonemes=phonemes.counts,
            coverage=phonemes.coverage,
            missing=phonemes.missing,
            rejected=tuple(self.rejected),
            digest=self.clips.close(),
        )

    def _cut(self, recording: Recording, waveform: Waveform, progress: Progress) -> None:
        if not len(waveform.samples) or not np.isfinite(waveform.samples).all():
            raise Unfit("recording_damaged", "There is no sound in it that can be used.")
        speech = hear(waveform)
        lines = _lines_of(recording)
        longest = self.minimum.longest_clip
        who = self.recogniser
        recognise = partial(self._recognise, who, waveform, progress) if who else None
        for cut in cuts_of(waveform, speech, lines, recognise, longest=longest):
            progress(min(1.0, cut.start / waveform.seconds))
            try:
                clip = fit_clip(waveform, speech, cut, longest)
            except Unfit as unfit:
                self._reject(recording, cut.start, cut.end, unfit)
            else:
                self.clips.add(clip, recording.name)
                self.frames.append(clip.frames)

    def _recognise(
        self, recogniser: Recogniser, waveform: Waveform, progress: Progress
    ) -> list[Word]:
        """It takes a good part of the recording's length, and may be ended at each word."""
        words = []
        for word in recogniser.words(waveform, self.language):
            progress(0.0)
            words.append(word)
        return words

    def _reject(self, recording: Recording, start: float, end: float, unfit: Unfit) -> None:
        times = round(start, 3), round(end, 3)
        self.rejected.append(Rejection(recording.name, *times, unfit.code, unfit.message))

    def _check_recogniser(self, recording: Recording, seconds: float) -> None:
        there = self.recogniser is not None
        check_recogniser(recording.name, _lines_of(recording), seconds, there=there)

    def _check_all(self, seconds: float) -> None:
        most = min(self.minimum.most_seconds, limits().most_seconds)
        if seconds > most:
            raise DatasetError(
                f"The recordings are {seconds / 60:.0f} minutes long; {most / 60:.0f} minutes are"
                " taken at most. Choose the best of them.",
                code="dataset_too_large",
            )

    def _check_enough(self) -> None:
        clips, seconds = len(self.clips.texts), self.clips.seconds
        if self.rejected and not clips:
            raise self._refused(
                f"No part of the recordings can be used. {self.rejected[0].message}",
                "dataset_all_bad",
            )
        self.minimum.check(clips, seconds, self.rejected)

    def _check_one_speaker(self) -> None:
        if same_speaker(self.frames) < limits().least_one_speaker:
            raise self._refused(
                "There seems to be more than one voice in these recordings. Leave out those in"
                " which somebody else speaks.",
                "several_speakers",
            )

    def _refused(self, message: str, code: str) -> DatasetError:
        return DatasetError(message, code=code, rejected=self.rejected)


def _tell(progress: Progress, done: int, count: int, share: float) -> None:
    """How far all of them are, where so many are done and one is so far."""
    progress((done + share) / count)


def _lines_of(recording: Recording) -> list[Line]:
    lines = recording.transcript or ()
    return [line for line in lines if line.is_of(recording.name)]
