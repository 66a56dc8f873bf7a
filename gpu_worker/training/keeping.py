"""What a training child keeps on its disk: whole files or none, one checkpoint, safe loading."""

from __future__ import annotations

import os
import pathlib
import time
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import torch

from gpu_worker.training.telling import TrainingFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gpu_worker.training.telling import Teller

PARTIAL = ".partial"
HARMLESS: list[Any] = [pathlib.PosixPath]  # old checkpoints name their data set's files


def write_whole(file: Path, write: Callable[[IO[bytes]], object]) -> None:
    """The file is there complete and on the disk, or it is as it was before."""
    half = file.with_name(file.name + PARTIAL)
    try:
        with half.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        half.replace(file)
    finally:
        half.unlink(missing_ok=True)
    _sync(file.parent)


def save_whole(state: object, file: Path) -> None:
    """As torch saves it."""
    write_whole(file, partial(torch.save, state))


def remove_partials(folder: Path) -> None:
    """What a killed training left."""
    for half in folder.glob(f"*{PARTIAL}"):
        half.unlink(missing_ok=True)


def load_weights(file: Path, *, code: str) -> dict[str, Any]:
    """A mapping of tensors and plain values; what would run a program on loading is refused."""
    try:
        with torch.serialization.safe_globals(HARMLESS):
            read: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        raise TrainingFailed(
            f"{file.name} is no checkpoint that can be trusted: it is damaged, or it holds"
            " more than weights. Choose another.",
            code=code,
        ) from error
    if not isinstance(read, dict):
        raise TrainingFailed(f"{file.name} is no checkpoint. Choose another.", code=code)
    return read


class Checkpoints:
    """Writes a checkpoint when it is time, tells of it, and keeps the newest alone."""

    def __init__(self, folder: Path, seconds: float, teller: Teller) -> None:
        self._folder = folder
        self._seconds = seconds
        self._teller = teller
        self._last = time.monotonic()

    @property
    def due(self) -> bool:
        return time.monotonic() - self._last >= self._seconds

    def write(self, step: int, save: Callable[[Path], object]) -> None:
        """`save` writes a file whole: `checkpoints.write(7, partial(save_whole, state))`."""
        file = self._folder / f"{step:08}.ckpt"
        save(file)
        for older in set(self._folder.glob("*.ckpt")) - {file}:
            older.unlink(missing_ok=True)
        self._last = time.monotonic()
        self._teller.checkpoint(step, file)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
