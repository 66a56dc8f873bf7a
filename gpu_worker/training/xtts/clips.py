"""What is learnt from: a data set's clips that XTTS can take, drawn the same for the same step."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import soundfile
import torch

from gpu_worker.engines.xtts.wording import LONGEST
from gpu_worker.training.dataset.writing import left_out
from gpu_worker.training.telling import TrainingFailed
from gpu_worker.training.xtts.base import RATE
from synthesis_worker.contract import Waveform
from synthesis_worker.languages import primary_language

if TYPE_CHECKING:
    from torch import Tensor

LEAST = 2  # clips a batch: of the last one's sound the trainer's loss may leave out all
UNFIT = {
    "clip_too_long": "XTTS cannot learn from so long a clip. Divide the line.",
    "text_unfit": "XTTS cannot learn this text: it is too long, or has signs that XTTS does not"
    " know. Divide the line, or write it in words.",
}
HEARD = 30.0  # seconds of clips that the finished voice is heard from


@dataclass(frozen=True, slots=True)
class Clips:
    """The trainer's own data set, of which every sample has been tried."""

    samples: list[dict[str, str]]
    left_out: list[dict[str, Any]]
    _dataset: Any
    _seed: int

    def draw(self, step: int, size: int) -> dict[str, Any]:
        """For the step's number and the seed alone: a resumed training draws as an unbroken one."""
        random.seed(f"{self._seed}:{step}")
        torch.manual_seed(random.getrandbits(63))
        drawn = [self._dataset[0] for _ in range(max(size, LEAST))]
        batch: dict[str, Any] = self._dataset.collate_fn(drawn)
        return batch

    def heard(self) -> list[Waveform]:
        """The longest ones."""
        sounds = [_sound(sample["audio_file"]) for sample in self.samples]
        chosen: list[Waveform] = []
        for sound in sorted(sounds, key=lambda one: -one.seconds):
            if sum(one.seconds for one in chosen) < HEARD:
                chosen.append(sound)
        return chosen


def read_clips(data: Path, language: str, model: Any, seed: int) -> Clips:
    """Clips that are too long for XTTS, or whose text it has no signs for, are left out."""
    from TTS.tts.layers.xtts.trainer import dataset

    dataset.load_audio = load_audio
    told = _samples(data, check_language(language))

    def made(samples: list[dict[str, str]]) -> Any:
        return dataset.XTTSDataset(model.config, list(samples), model.xtts.tokenizer, RATE)

    judge = made([])
    unfit = {_name(sample): why for sample in told if (why := _unfit(judge, sample))}
    fit = [sample for sample in told if _name(sample) not in unfit]
    if not fit:
        raise TrainingFailed(
            f"None of the {len(told)} clips can be learnt by XTTS: each has to last from half a"
            f" second to {judge.max_wav_len / RATE:.1f} seconds, with a text in its language.",
            code="dataset_all_bad",
        )
    return Clips(fit, left_out(data, unfit, UNFIT), made(fit), seed)


def _name(sample: dict[str, str]) -> str:
    return Path(sample["audio_file"]).name


def check_language(language: str) -> str:
    spoken = primary_language(language)
    if spoken not in LONGEST:
        raise TrainingFailed(
            f"XTTS does not speak {language!r}; it speaks {', '.join(sorted(LONGEST))}.",
            code="language_unsupported",
        )
    return spoken


def load_audio(path: str, rate: int) -> Tensor:
    """In the place of upstream's, which needs ffmpeg: [1, samples] at the data set's rate."""
    sound = _sound(path)
    if sound.sample_rate != rate:
        raise ValueError(f"{sound.sample_rate} Hz where {rate} are needed")
    return torch.from_numpy(sound.samples)[None]


def _sound(path: str) -> Waveform:
    samples, rate = soundfile.read(path, dtype="float32")
    return Waveform(samples, rate)


def _samples(data: Path, language: str) -> list[dict[str, str]]:
    """As the trainer takes them. Texts in small letters, as the engine reads them."""
    lines = (data / "metadata.csv").read_text("utf-8").splitlines()
    return [
        {
            "audio_file": str(data / "wavs" / name),
            "text": text.strip().lower(),
            "language": language,
        }
        for name, _, text in (line.partition("|") for line in lines)
    ]


def _unfit(dataset: Any, sample: dict[str, str]) -> str | None:
    """Tried here: one bad sample sends the trainer's data set round in circles for ever."""
    try:
        tokens, _, sound, *_ = dataset.load_item(sample)
    except Exception:  # noqa: BLE001 - an assertion for a sign, OSError for a file, ValueError
        return "text_unfit"
    if sound.shape[-1] > dataset.max_wav_len:
        return "clip_too_long"
    return "text_unfit" if len(tokens) > dataset.max_text_len else None
