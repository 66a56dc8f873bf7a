"""What became of the recordings: kept beside the clips, shown to whoever asked for the training."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gpu_worker.training.dataset.parts import Rejection

REPORT = "report.json"


@dataclass(frozen=True, slots=True)
class Report:
    language: str
    rate: int
    clips: int
    seconds: float
    phonemes: Mapping[str, int]
    coverage: float | None
    missing: tuple[str, ...]
    rejected: tuple[Rejection, ...]
    digest: str

    def write(self, folder: Path) -> None:
        """It comes last: a folder with a report is whole."""
        data = json.dumps(asdict(self), ensure_ascii=False, indent=1, sort_keys=True)
        half = folder / f"{REPORT}.partial"
        half.write_text(data + "\n", encoding="utf-8")
        half.replace(folder / REPORT)
