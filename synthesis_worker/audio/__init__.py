"""Sound on its way from an engine to a file: joined, levelled, encoded, and read back."""

from synthesis_worker.audio.coding import decode, encode
from synthesis_worker.audio.formats import FORMATS, AudioError, Format, format_named
from synthesis_worker.audio.level import loudness, normalise
from synthesis_worker.audio.shape import join, resample, stretch

__all__ = [
    "FORMATS",
    "AudioError",
    "Format",
    "decode",
    "encode",
    "format_named",
    "join",
    "loudness",
    "normalise",
    "resample",
    "stretch",
]
