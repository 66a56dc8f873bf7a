"""The header of a canonical sound: mono, 16-bit PCM, 24 kHz, and nothing else."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAME = "sample.wav"
RATE = 24_000
HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")


def header(size: int) -> bytes:
    return HEADER.pack(
        b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16, b"data", size
    )


def is_canonical(path: Path) -> bool:
    """Whether the file is one that the child should have left, and as long as it says."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(HEADER.size) == header(path.stat().st_size - HEADER.size)
