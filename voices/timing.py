"""The audio store by the clock: what each operation took, and how often the store was away."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jobs.tallies import count, observe
from voices.store import StoreDown, StoreRefused

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import datetime
    from pathlib import Path

    from voices.store import AudioStore, StoredObject


class TimedStore:
    """An AudioStore that counts; what is read in pieces is timed until the first."""

    def __init__(self, store: AudioStore) -> None:
        self.store = store

    def put(self, name: str, data: bytes | Path, *, media_type: str) -> None:
        with _timed("put"):
            self.store.put(name, data, media_type=media_type)

    def read(self, name: str) -> bytes:
        with _timed("read"):
            return self.store.read(name)

    def open_range(self, name: str, start: int, length: int) -> Generator[bytes, None, None]:
        with _timed("read"):
            return self.store.open_range(name, start, length)

    def stat(self, name: str) -> StoredObject:
        with _timed("stat"):
            return self.store.stat(name)

    def exists(self, name: str) -> bool:
        with _timed("stat"):
            return self.store.exists(name)

    def delete(self, name: str) -> None:
        with _timed("delete"):
            self.store.delete(name)

    def names(
        self, prefix: str = "", *, older_than: datetime | None = None
    ) -> Iterator[StoredObject]:
        return self.store.names(prefix, older_than=older_than)

    def remove_leftovers(self, *, older_than: datetime) -> int:
        return self.store.remove_leftovers(older_than=older_than)

    def link(self, name: str, *, seconds: int, file_name: str, media_type: str) -> str:
        return self.store.link(name, seconds=seconds, file_name=file_name, media_type=media_type)

    def check(self) -> None:
        self.store.check()


@contextmanager
def _timed(operation: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    except (StoreDown, StoreRefused):
        count("voicemill_store_errors_total", operation=operation)
        raise
    finally:
        observe("voicemill_store_seconds", time.monotonic() - began, operation=operation)
