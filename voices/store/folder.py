"""The store in a local folder: the embedded default."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from datetime import UTC, datetime
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

from voices.store.contract import StoredObject, check_range
from voices.store.errors import ObjectMissing, StoreDown, StoreError, StoreRefused
from voices.store.file_names import printable
from voices.store.links import LinkSigner, OpenedLink
from voices.store.names import check_name, check_prefix, is_name, media_type_of
from voices.store.source import opened

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

_PIECE = 256 * 1024


class FolderStore:
    """An AudioStore under `root`; links point to `base_url`, whose route calls `verify_link`."""

    def __init__(
        self, root: Path, *, secret: str, base_url: str, old_secrets: Sequence[str] = ()
    ) -> None:
        self._root = root
        self._base_url = base_url.rstrip("/")
        self._signer = LinkSigner(secret, old_secrets)

    def put(self, name: str, data: bytes | Path, *, media_type: str) -> None:
        path = self._path(name)
        with opened(data) as (source, size), _disk_errors(name, missing=StoreDown):
            if not _refresh(path, size):
                _write(path, source, size)
            _sync_folder(path.parent)

    def read(self, name: str) -> bytes:
        with _disk_errors(name):
            return self._path(name).read_bytes()

    def open_range(self, name: str, start: int, length: int) -> Generator[bytes, None, None]:
        check_range(start, length)
        pieces = _pieces(self._path(name), start, length)
        next(pieces)  # opens the file now, so that a missing one is told now
        return pieces

    def stat(self, name: str) -> StoredObject:
        with _disk_errors(name):
            return _describe(name, self._path(name).stat())

    def exists(self, name: str) -> bool:
        try:
            self.stat(name)
        except ObjectMissing:
            return False
        return True

    def delete(self, name: str) -> None:
        with _disk_errors(name):
            self._path(name).unlink(missing_ok=True)

    def names(
        self, prefix: str = "", *, older_than: datetime | None = None
    ) -> Iterator[StoredObject]:
        parts = f"{check_prefix(prefix)}*".split("/")
        for path in self._files("/".join([*parts, "*", "*"][:3])):
            name = path.relative_to(self._root).as_posix()
            found = _stat(path) if is_name(name) else None
            if found and (older_than is None or _modified(found) < older_than):
                yield _describe(name, found)

    def remove_leftovers(self, *, older_than: datetime) -> int:
        removed = 0
        for path in self._files("*/*/.*.part"):
            found = _stat(path)
            if found and _modified(found) < older_than:
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def link(self, name: str, *, seconds: int, file_name: str, media_type: str) -> str:
        shown = printable(file_name)
        query = self._signer.query(
            check_name(name), seconds=seconds, file_name=shown, media_type=media_type
        )
        return f"{self._base_url}/{name}?{query}"

    def verify_link(self, name: str, query: str) -> OpenedLink:
        """What a link's path and query may be served as; LinkInvalid or LinkExpired otherwise."""
        return self._signer.verify(name, query)

    def check(self) -> None:
        with _disk_errors("the readiness check", missing=StoreDown):
            self._root.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self._root) as probe:
                probe.write(b"ready?")

    def _path(self, name: str) -> Path:
        return self._root / check_name(name)

    def _files(self, pattern: str) -> Iterator[Path]:
        with _disk_errors("the listing"):
            yield from self._root.glob(pattern)


@contextmanager
def _disk_errors(what: str, *, missing: type[StoreError] = ObjectMissing) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise missing(f"{what} is not in the store: {error.strerror}") from error
    except PermissionError as error:
        raise StoreRefused(f"the store's folder refuses {what}: {error}") from error
    except OSError as error:
        raise StoreDown(f"the store's folder fails for {what}: {error}") from error


def _refresh(path: Path, size: int) -> bool:
    """Count a second put of the same name as a use. False means that it has to be written."""
    try:
        if path.stat().st_size != size:
            return False
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _write(path: Path, source: BinaryIO, size: int) -> None:
    """Fill a file beside the name and rename it: readers see all of it or nothing."""
    _make_folder(path.parent)
    part = path.with_name(f".{uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            shutil.copyfileobj(source, file, _PIECE)
            if file.tell() != size:
                raise StoreDown(f"the source of {path.name} changed while it was read")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Make the folder and its parents, each durable in its own parent."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _pieces(path: Path, start: int, length: int) -> Generator[bytes, None, None]:
    with _disk_errors(path.name), path.open("rb") as file:
        file.seek(start)
        yield b""
        while length > 0 and (piece := file.read(min(length, _PIECE))):
            length -= len(piece)
            yield piece


def _stat(path: Path) -> os.stat_result | None:
    """None where the file went while the folder was being listed."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _modified(found: os.stat_result) -> datetime:
    return datetime.fromtimestamp(found.st_mtime, UTC)


def _describe(name: str, found: os.stat_result) -> StoredObject:
    return StoredObject(name, found.st_size, media_type_of(name), _modified(found))
