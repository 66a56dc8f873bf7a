"""Where models come from: a folder, or an address under which the catalogue's paths lie.

ModelError
├── ModelUnknownError      no such model here
├── SourceMissingError     the folder, the address or the file is not there
├── SourceFailedError      it stopped answering, or answered badly
├── ModelDamagedError      the bytes are not what they should be
├── ModelConfigError       not the settings of a Piper voice
└── LicenceError           nobody has accepted its licence
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voices.catalogue import ModelFile

CHUNK = 1 << 20
SILENCE_SECONDS = 30
NOT_THERE = (404, 410)


class ModelError(Exception):
    code = "model_failed"

    def __str__(self) -> str:
        return f"{self.args[0]} [{self.code}]"


class ModelUnknownError(ModelError):
    code = "model_unknown"


class SourceMissingError(ModelError):
    code = "model_source_missing"


class SourceFailedError(ModelError):
    code = "model_source_failed"


class ModelDamagedError(ModelError):
    code = "model_damaged"


class ModelConfigError(ModelError):
    code = "model_config_invalid"


class LicenceError(ModelError):
    code = "licence_not_accepted"


class Source(Protocol):
    def has(self, file: ModelFile) -> bool: ...

    def read(self, file: ModelFile) -> Iterator[bytes]:
        """The file in pieces; how many there will be is for the reader to bound."""
        ...


class FolderSource:
    """A folder that holds the catalogue's paths, or the files side by side."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise SourceMissingError(f"{folder} is no folder; name one, or an http(s) address.")
        self.folder = folder

    def has(self, file: ModelFile) -> bool:
        return any(place.is_file() for place in self._places(file))

    def read(self, file: ModelFile) -> Iterator[bytes]:
        found = next((place for place in self._places(file) if place.is_file()), None)
        if found is None:
            raise SourceMissingError(f"{self.folder} has neither {file.path} nor {file.name}.")
        try:
            with found.open("rb") as stream:
                yield from _pieces(stream)
        except OSError as error:
            raise SourceFailedError(f"{found} cannot be read: {error}.") from error

    def _places(self, file: ModelFile) -> tuple[Path, Path]:
        return self.folder / file.path, self.folder / file.name


class WebSource:
    """An http(s) address; what it holds is only known by asking for it."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")

    def has(self, file: ModelFile) -> bool:
        """Taken for granted: reading will tell."""
        return True

    def read(self, file: ModelFile) -> Iterator[bytes]:
        url = f"{self._address}/{file.path}"
        try:
            # `open_source` lets http and https through, and nothing else.
            with urllib.request.urlopen(url, timeout=SILENCE_SECONDS) as answer:  # noqa: S310
                yield from _pieces(answer)
        except urllib.error.HTTPError as error:
            kind = SourceMissingError if error.code in NOT_THERE else SourceFailedError
            error.close()
            raise kind(f"{url} answers {error.code} {error.reason}; check the address.") from error
        except (OSError, http.client.HTTPException) as error:
            raise SourceFailedError(f"{url} cannot be read: {error}; try again.") from error


def open_source(place: str) -> FolderSource | WebSource:
    """The source an operator names: an http(s) address, or else a folder."""
    if place.lower().startswith(("http://", "https://")):
        return WebSource(place)
    return FolderSource(Path(place))


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(CHUNK):
        yield piece
