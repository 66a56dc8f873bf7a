"""What a caller asks for when something is to be spoken."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from jobs.states import Priority

if TYPE_CHECKING:
    from collections.abc import Mapping

Quality = Literal["highest", "high", "medium", "fast"]
FORMATS = {"wav": "audio/wav", "flac": "audio/flac", "mp3": "audio/mpeg", "opus": "audio/ogg"}
ENGINE = r"^[a-z0-9_]{1,40}$"  # how engines are called
SAMPLE_RATES = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisRequest:
    """One text in one voice. `settings` holds only the dials the caller turned."""

    text: str
    voice: str
    format: str = "wav"
    sample_rate: int | None = None
    language: str | None = None
    quality: Quality = "medium"
    engine: str | None = None
    substitute: Literal["refuse", "flag"] = "refuse"
    settings: Mapping[str, float] = field(default_factory=dict)
    seed: int | None = None
    cache: Literal["use", "bypass"] = "use"
    priority: Priority = Priority.STANDARD
    deadline_seconds: float | None = None
    personality_id: str = ""
    stand_in: bool = False  # the voice is not the one that was asked for
    webhook_url: str | None = None

    def as_json(self) -> dict[str, Any]:
        """What the job's row keeps, and a retry is made from."""
        kept = {
            "text": self.text,
            "voice": self.voice,
            "format": self.format,
            "quality": self.quality,
            "substitute": self.substitute,
            "cache": self.cache,
        }
        asked = {
            "sample_rate": self.sample_rate,
            "language": self.language,
            "engine": self.engine,
            "settings": dict(self.settings) or None,
            "seed": self.seed,
            "stand_in": self.stand_in or None,
            "webhook_url": self.webhook_url,
        }
        return kept | {name: value for name, value in asked.items() if value is not None}


def body_hash(data: Any) -> str:
    """The same for the same body, however it was spaced."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
