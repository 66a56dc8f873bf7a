"""The folder of an engine's own model: is it whole, and installing it, all of it or nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from voices.model_sources import ModelDamagedError
from voices.models_folder import Condition, check_file, digest_of, fetch_file, size_of

if TYPE_CHECKING:
    from voices.catalogue import EngineModel
    from voices.model_sources import Source
    from voices.models_folder import Report

SUMS = "SHA256SUMS"


class EngineFolder:
    """A verified model has the digests of its files beside them, as `sha256sum` writes them."""

    def __init__(self, models: Path, model: EngineModel) -> None:
        self.path = models / model.folder
        self.model = model

    def condition(self) -> Condition:
        """What a look tells without reading the files through."""
        sizes = {file: size_of(self.path / file.name) for file in self.model.files}
        if all(size is None for size in sizes.values()):
            return Condition.ABSENT
        if any(size != file.size for file, size in sizes.items()):
            return Condition.INCOMPLETE
        return Condition.VERIFIED if self._is_recorded() else Condition.UNVERIFIED

    def verify(self) -> None:
        """Read the files through. A model that is whole gets its digests recorded."""
        for file in self.model.files:
            path = self.path / file.name
            if not path.is_file():
                raise ModelDamagedError(f"{path} is missing; install {self.model.name} again.")
            check_file(file, path.stat().st_size, digest_of(path))
        if not self._is_recorded():
            self._record(self.path)

    def install(self, source: Source, report: Report) -> bool:
        """Fetch and verify beside, then move into place in the stead of what was there.

        False where nothing had to be fetched, because the model is there and whole.
        """
        if self._is_whole():
            return False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.path.parent, prefix=".installing-") as made:
            new, old = Path(made, "new"), Path(made, "old")
            new.mkdir()
            for file in self.model.files:
                fetch_file(file, source, new / file.name, report)
            self._record(new)
            if self.path.exists():
                self.path.rename(old)
            new.rename(self.path)
        return True

    def _is_whole(self) -> bool:
        try:
            self.verify()
        except ModelDamagedError:
            return False
        return True

    def _is_recorded(self) -> bool:
        beside = self.path / SUMS
        return beside.is_file() and beside.read_text(encoding="utf-8") == self._sums()

    def _record(self, folder: Path) -> None:
        (folder / SUMS).write_text(self._sums(), encoding="utf-8")

    def _sums(self) -> str:
        return "".join(f"{file.sha256}  {file.name}\n" for file in self.model.files)
