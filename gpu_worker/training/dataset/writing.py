"""The data set's folder: clips that sound alike, their texts and sources, and a digest."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gpu_worker.training.dataset.limits import limits
from gpu_worker.training.dataset.parts import Rejection
from synthesis_worker.audio import encode, normalise, resample

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gpu_worker.training.dataset.judging import Clip

    Source = tuple[str, float, float]  # a recording, and from when to when

WAVS, METADATA, SOURCES = "wavs", "metadata.csv", "sources.json"
# The bar parts the columns, and whoever reads them takes a quotation mark for more than it is.
SPOKEN_ALONE = str.maketrans({"|": " ", '"': " "})


class ClipFolder:
    """The same clips in the same order are the same bytes. What a killed worker left is removed."""

    def __init__(self, folder: Path, rate: int) -> None:
        self.folder, self.rate, self.seconds = folder, rate, 0.0
        self.texts: list[str] = []
        self._rows: list[str] = []
        self._sources: dict[str, Source] = {}
        self._sum = hashlib.sha256(f"{rate}".encode())
        shutil.rmtree(folder / WAVS, ignore_errors=True)
        (folder / METADATA).unlink(missing_ok=True)
        (folder / WAVS).mkdir(parents=True)

    def add(self, clip: Clip, recording: str) -> None:
        text = " ".join(clip.cut.text.translate(SPOKEN_ALONE).split())
        level = normalise(resample(clip.sound, self.rate), limits().loudness_lufs)
        data = encode(level, "wav")
        name = f"{len(self.texts) + 1:05}.wav"
        (self.folder / WAVS / name).write_bytes(data)
        self._rows.append(f"{name}|{text}\n")
        self._sources[name] = (recording, round(clip.cut.start, 3), round(clip.cut.end, 3))
        self._sum.update(hashlib.sha256(data).digest() + hashlib.sha256(text.encode()).digest())
        self.texts.append(text)
        self.seconds += level.seconds

    def close(self) -> str:
        """Write the texts, and where each clip is from; the data set's digest."""
        (self.folder / SOURCES).write_text(json.dumps(self._sources), encoding="utf-8")
        (self.folder / METADATA).write_text("".join(self._rows), encoding="utf-8")
        return self._sum.hexdigest()


def left_out(
    folder: Path, unfit: Mapping[str, str], words: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Clips that an engine cannot learn, by name why, as the data set tells of its own."""
    if not unfit:
        return []
    sources: dict[str, Source] = json.loads((folder / SOURCES).read_bytes())
    return [asdict(Rejection(*sources[name], why, words[why])) for name, why in unfit.items()]
