"""The folder engines read models from: what lies in it, is it whole, and installing more."""

from __future__ import annotations

import enum
import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from voices.model_sources import ModelDamagedError, ModelUnknownError

if TYPE_CHECKING:
    from collections.abc import Callable

    from voices.catalogue import ModelFile, StockModel
    from voices.model_sources import Source

    Report = Callable[[ModelFile, int], None]


class Condition(enum.StrEnum):
    """What a look at the folder tells without reading the files through."""

    ABSENT = "not installed"
    INCOMPLETE = "incomplete: install it again"
    UNVERIFIED = "installed, unverified"
    VERIFIED = "installed, verified"


class ModelsFolder:
    """A verified model has its digest beside it, in `<id>.onnx.sha256`, for engines to go by."""

    def __init__(self, folder: Path) -> None:
        self.path = folder

    def ids(self) -> list[str]:
        """Every model of which there is a file, whole or not."""
        files = [*self.path.glob("*.onnx"), *self.path.glob("*.onnx.json")]
        return sorted({file.name.partition(".onnx")[0] for file in files})

    def condition(self, model: StockModel) -> Condition:
        sizes = {file.name: size_of(self.path / file.name) for file in model.files}
        if not any(sizes.values()):
            return Condition.ABSENT
        if any(sizes[file.name] != file.size for file in model.files):
            return Condition.INCOMPLETE
        known = self.recorded(model.id) == model.onnx.sha256
        return Condition.VERIFIED if known else Condition.UNVERIFIED

    def recorded(self, model_id: str) -> str | None:
        """The digest beside a model, as `sha256sum` writes it."""
        beside = _beside(self.path, model_id)
        words = beside.read_text(encoding="utf-8").split() if beside.is_file() else []
        return words[0].lower() if words else None

    def verify(self, model_id: str, model: StockModel | None) -> None:
        """Read the files through; one the catalogue does not know goes by the digest beside it.

        A model of the catalogue that is whole gets its digest recorded.
        """
        if model is None:
            self._compare_recorded(model_id)
            return
        for file in model.files:
            path = self.path / file.name
            if not path.is_file():
                raise ModelDamagedError(f"{path} is missing; install {model.id} again.")
            check_file(file, path.stat().st_size, digest_of(path))
        if self.recorded(model.id) != model.onnx.sha256:
            _record(self.path, model)

    def _compare_recorded(self, model_id: str) -> None:
        recorded, onnx = self.recorded(model_id), self.path / f"{model_id}.onnx"
        if recorded is None:
            raise ModelUnknownError(
                f"{onnx.name} is not in the catalogue and has no digest beside it; "
                "`models install <folder> --any` records one."
            )
        if not onnx.is_file():
            raise ModelDamagedError(f"{onnx} is missing; install it again.")
        if (found := digest_of(onnx)) != recorded:
            raise ModelDamagedError(f"{onnx.name} has sha256 {found}, not {recorded}.")

    def install(self, model: StockModel, source: Source, report: Report) -> bool:
        """Fetch, verify, then move into place: never half a file, and the network itself last.

        False where nothing had to be fetched, because the model is there and whole.
        """
        if self._is_whole(model):
            return False
        self.path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.path, prefix=".installing-") as made:
            staging = Path(made)
            for file in (model.config, model.onnx):
                fetch_file(file, source, staging / file.name, report)
            beside = _record(staging, model)
            for name in (model.config.name, beside.name, model.onnx.name):
                (staging / name).replace(self.path / name)
        return True

    def _is_whole(self, model: StockModel) -> bool:
        try:
            self.verify(model.id, model)
        except ModelDamagedError:
            return False
        return True


def check_file(file: ModelFile, size: int, digest: str) -> None:
    if size != file.size:
        raise ModelDamagedError(f"{file.name} has {size} bytes, not {file.size}.")
    if digest != file.sha256:
        raise ModelDamagedError(f"{file.name} has sha256 {digest}, not {file.sha256}.")


def digest_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fetch_file(file: ModelFile, source: Source, target: Path, report: Report) -> None:
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as stream:
        for piece in source.read(file):
            size += len(piece)
            if size > file.size:
                raise ModelDamagedError(f"{file.name} has more than its {file.size} bytes.")
            digest.update(piece)
            stream.write(piece)
            report(file, size)
        stream.flush()
        os.fsync(stream.fileno())
    check_file(file, size, digest.hexdigest())


def _record(folder: Path, model: StockModel) -> Path:
    beside = _beside(folder, model.id)
    beside.write_text(f"{model.onnx.sha256}  {model.onnx.name}\n", encoding="utf-8")
    return beside


def _beside(folder: Path, model_id: str) -> Path:
    return folder / f"{model_id}.onnx.sha256"


def size_of(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None
