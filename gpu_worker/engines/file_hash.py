"""The files of a model: are they there, and their sha256. A large one is read once per state."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from synthesis_worker.contract import ModelDamaged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def is_there(path: Path) -> bool:
    with _damaged_where_unreadable(path):
        return path.is_file()


def sha256_of(path: Path) -> str:
    with _damaged_where_unreadable(path):
        found = path.stat()
        return _sha256(path, (found.st_ino, found.st_mtime_ns, found.st_size))


@contextmanager
def _damaged_where_unreadable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ModelDamaged(f"{path.name} cannot be read: {error.strerror}.") from error


@cache
def _sha256(path: Path, _state: tuple[int, ...]) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
