"""The words that speakers agree to, as data: a file for each version, which is never changed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class ConsentText:
    """A version, and its words by language."""

    version: str
    texts: Mapping[str, str]


@cache
def consent_texts() -> tuple[ConsentText, ...]:
    """The newest first: it is the one to be shown."""
    files = sorted(FOLDER.glob("*.json"), reverse=True)
    return tuple(ConsentText(file.stem, json.loads(file.read_text("utf-8"))) for file in files)
