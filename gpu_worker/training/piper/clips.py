"""The data set as Piper's own data module reads it, in an order that hangs on the seed alone."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import soundfile
import torch
from piper.train.vits.dataset import (
    UtteranceCollate,
    UtteranceTensors,
    VitsDataModule,
    VitsDataset,
)
from torch.utils.data import DataLoader

from gpu_worker.training.dataset.writing import left_out
from gpu_worker.training.telling import TrainingFailed
from synthesis_worker.contract import Unsupported
from synthesis_worker.engines.espeak_library import espeak_library
from synthesis_worker.engines.espeak_voices import EspeakVoices

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gpu_worker.training.telling import Task, Teller


class Order:
    """The clips of every step from `done` on, without end; each clip once a round, as far as
    whole batches go. The same seed and step are the same clips, however often it was begun."""

    def __init__(self, clips: int, batch: int, *, seed: int, done: int) -> None:
        self._clips, self._batch = clips, min(batch, clips)
        self._seed, self._done = seed, done

    def __iter__(self) -> Iterator[list[int]]:
        step, a_round = self._done, self._clips // self._batch
        while True:
            number, place = divmod(step, a_round)
            yield self._shuffle(number)[place * self._batch : (place + 1) * self._batch]
            step += 1

    def _shuffle(self, number: int) -> list[int]:
        chance = torch.Generator().manual_seed(self._seed * 1_000_003 + number)
        return torch.randperm(self._clips, generator=chance).tolist()


class Clips(VitsDataModule):
    """All clips are trained on, and stay in memory: a quarter of a megabyte for each second."""

    def __init__(
        self, task: Task, teller: Teller, scratch: Path, done: int, sizes: Mapping[str, Any]
    ) -> None:
        super().__init__(
            csv_path=_quote(task.data / "metadata.csv", scratch / "metadata.csv"),
            cache_dir=scratch / "clips",
            config_path=scratch / "config.json",
            espeak_voice=espeak_voice(task.language),
            voice_name="voice",
            audio_dir=task.data / "wavs",
            validation_split=0.0,
            num_test_examples=0,
            trim_silence=False,
            **{name: sizes[name] for name in OF_BOTH},
        )
        self._task, self._teller, self._done = task, teller, done
        self._read: list[UtteranceTensors] = []

    def setup(self, stage: str) -> None:
        """Read what Piper has prepared, once; a clip that cannot be learned from is left out."""
        super().setup(stage)
        prepared = VitsDataset(self.train_dataset.dataset.utts)  # type: ignore[attr-defined]
        clips = {name: prepared[number] for number, name in enumerate(self._names())}
        unfit = {name: why for name, clip in clips.items() if (why := self._unfit(clip))}
        self._read = [clip for name, clip in clips.items() if name not in unfit]
        self._teller.left_out(left_out(self._task.data, unfit, UNFIT))
        if not self._read:
            raise TrainingFailed(
                "No clip of the data set can be learned from: they are too short for their texts."
                " Check that each text belongs to its recording.",
                code="dataset_all_bad",
            )

    def train_dataloader(self) -> DataLoader[Any]:
        task = self._task
        return DataLoader(
            self._read,  # type: ignore[arg-type] # a list is a data set
            batch_sampler=Order(len(self._read), task.batch, seed=task.seed, done=self._done),
            collate_fn=UtteranceCollate(is_multispeaker=False, segment_size=self.segment_size),
            pin_memory=task.device != "cpu",
        )

    def _names(self) -> list[str]:
        """Of the clips in their order."""
        with self.csv_path.open(encoding="utf-8", newline="") as file:
            return [name for name, _ in csv.reader(file, delimiter="|")]

    def _unfit(self, clip: UtteranceTensors) -> str | None:
        """At least a frame for each phoneme, and as long as the piece that a step looks at."""
        if len(clip.phoneme_ids) <= NOTHING_SAID:
            return "text_unfit"
        least = max(len(clip.phoneme_ids), self.segment_size // self.hop_length)
        return "clip_too_short" if clip.spec_length < least else None


OF_BOTH = (
    "sample_rate", "num_symbols", "filter_length", "hop_length", "win_length", "segment_size"
)  # fmt: skip
NOTHING_SAID = 3  # ids: the beginning, a pause, the end
UNFIT = {
    "clip_too_short": "It is too short for its text; see whether the text belongs to it.",
    "text_unfit": "Piper finds nothing in this text that could be said. Write it in words.",
}


def espeak_voice(language: str) -> str:
    try:
        found = EspeakVoices(espeak_library()).find("", language)
    except Unsupported as error:
        raise TrainingFailed(
            f"Piper cannot learn {language!r}: espeak does not know its sounds. Choose another"
            " language for the voice, or train it with another engine.",
            code="language_unsupported",
        ) from error
    return found.rpartition("/")[2]


def sample_rate_of(data: Path) -> int:
    """A data set has one rate, so the first clip's."""
    return int(soundfile.info(next((data / "wavs").glob("*.wav"))).samplerate)


def _quote(metadata: Path, quoted: Path) -> Path:
    """Piper reads quotation marks as CSV does: one that opens a text would swallow lines."""
    rows = [line.partition("|") for line in metadata.read_text("utf-8").split("\n") if line]
    with quoted.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="|", quoting=csv.QUOTE_ALL).writerows(
            (name, text) for name, _, text in rows
        )
    return quoted
