"""The sha256 of a model's files. A large file is read once per state."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def sha256_of(path: Path) -> str:
    found = path.stat()
    return _sha256(path, (found.st_ino, found.st_mtime_ns, found.st_size))


@cache
def _sha256(path: Path, _state: tuple[int, ...]) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
