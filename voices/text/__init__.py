"""Text for voices: checked, normalised, and cut into sentences and segments. Pure Python."""

from __future__ import annotations

from voices.text.checks import (
    ControlCharacterError,
    EmptyTextError,
    SsmlUnsupportedError,
    TextEncodingError,
    TextError,
    TextTooLongError,
    check_text,
    is_speakable,
)
from voices.text.cleaning import clean
from voices.text.normalising import normalise
from voices.text.segmenting import segments
from voices.text.splitting import sentences

__all__ = [
    "ControlCharacterError",
    "EmptyTextError",
    "SsmlUnsupportedError",
    "TextEncodingError",
    "TextError",
    "TextTooLongError",
    "check_text",
    "clean",
    "is_speakable",
    "normalise",
    "segments",
    "sentences",
]
