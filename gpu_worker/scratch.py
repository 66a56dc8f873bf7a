"""A training's folder on the worker's disk: gone when it ends, and found where its worker died."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "voicemill-training-"  # the place may be one that others use

log = logging.getLogger(__name__)


@contextmanager
def scratch_folder(place: Path) -> Iterator[Path]:
    """It is locked for as long as it is in use, so that others can tell."""
    with _locked(place):
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        lock = _lock(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def remove_abandoned(place: Path) -> None:
    """Somebody's recordings and a network that speaks like them: what a killed worker left."""
    with _locked(place):
        for folder in place.glob(f"{PREFIX}*"):
            with suppress(OSError):  # in use, or another account's
                os.close(_lock(folder, fcntl.LOCK_NB))
                log.warning("removing what a killed worker left: %s", folder.name)
                shutil.rmtree(folder)


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Nobody looks for abandoned folders while one is made and not yet locked."""
    lock = _lock(place)
    try:
        yield
    finally:
        os.close(lock)


def _lock(folder: Path, how: int = 0) -> int:
    """Until it is closed, by us or by our death."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | how)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
