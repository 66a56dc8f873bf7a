"""The folders of an engine's own model: are they whole, and installing it, all or nothing."""

from __future__ import annotations

import re
import shutil
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
LINE = re.compile(r"^([0-9a-f]{64})  (\S+)$", re.MULTILINE)


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

        What else lies there is an operator's, and stays. False where nothing had to be fetched,
        because the model is there and whole.
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
            self._copy_others(new)
            _change(self.path, new, old)
        return True

    def _copy_others(self, new: Path) -> None:
        if self.path.is_dir():
            shutil.copytree(self.path, new, symlinks=True, ignore=self._ours, dirs_exist_ok=True)

    def _ours(self, folder: str, _names: list[str]) -> set[str]:
        ours = {SUMS, *(file.name for file in self.model.files)}
        return ours if Path(folder) == self.path else set()

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


class MadeFolder:
    """What a converter made of a model. It left the digests of its files beside them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def condition(self) -> Condition:
        """What a look tells without reading the files through."""
        if not self.path.is_dir() or not any(self.path.iterdir()):
            return Condition.ABSENT
        digests = self._digests()
        if not digests or not all(size_of(self.path / name) for name in digests):
            return Condition.INCOMPLETE
        return Condition.VERIFIED

    def verify(self) -> None:
        digests = self._digests()
        if not digests:
            raise ModelDamagedError(f"{self.path} has no {SUMS}; convert the model again.")
        for name, sha256 in digests.items():
            found = digest_of(self.path / name) if size_of(self.path / name) else "of no file"
            if found != sha256:
                raise ModelDamagedError(f"{self.path / name} has sha256 {found}, not {sha256}.")

    def _digests(self) -> dict[str, str]:
        beside = self.path / SUMS
        text = beside.read_text(encoding="utf-8") if beside.is_file() else ""
        return {name: sha256 for sha256, name in LINE.findall(text)}


def _change(place: Path, new: Path, old: Path) -> None:
    """The new folder into the place of the old one; where that fails, the old one stays."""
    try:
        if place.exists():
            place.rename(old)
        new.rename(place)
    except BaseException:
        if old.exists() and not place.exists():
            old.rename(place)
        raise
