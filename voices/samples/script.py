"""What to read aloud for a recording: our own words, in short lines, with all sounds in them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from voices.samples.errors import ScriptNotFoundError
from voices.text.languages import primary_language

SCRIPTS = Path(__file__).parent / "scripts"
LENGTHS = ("short", "long")
CHARACTERS_PER_SECOND = 14.0  # of somebody who reads without haste
BREATH = 0.6  # seconds between two lines


@dataclass(frozen=True, slots=True)
class Line:
    text: str

    @property
    def seconds(self) -> float:
        return round(len(self.text) / CHARACTERS_PER_SECOND + BREATH, 1)


@dataclass(frozen=True, slots=True)
class Script:
    """`short` is enough for a clone, `long` for a training."""

    language: str
    length: str
    lines: tuple[Line, ...]

    @property
    def seconds(self) -> float:
        return round(sum(line.seconds for line in self.lines), 1)


def recording_script(language: str, length: str) -> Script:
    """By the language's primary tag: en-GB reads what en reads."""
    found = _scripts().get((primary_language(language), length))
    if found is None:
        raise ScriptNotFoundError
    return found


@cache
def _scripts() -> dict[tuple[str, str], Script]:
    return {
        (path.stem, length): Script(path.stem, length, tuple(Line(text) for text in texts))
        for path in SCRIPTS.glob("*.json")
        for length, texts in json.loads(path.read_text(encoding="utf-8")).items()
    }
