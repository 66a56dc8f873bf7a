"""The store's contract, kept by every implementation and proven by one test suite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class StoredObject:
    name: str
    size: int
    media_type: str
    modified: datetime


class AudioStore(Protocol):
    """Names are content hashes (`audio_name`); any other name is NameRefused."""

    def put(self, name: str, data: bytes | Path, *, media_type: str) -> None:
        """Store the bytes, durable on return and whole or not at all.

        Putting a name again is fine and counts as a use: `modified` becomes now.
        """

    def read(self, name: str) -> bytes:
        """All the bytes, in memory."""

    def open_range(self, name: str, start: int, length: int) -> Generator[bytes, None, None]:
        """Up to `length` (at least 1) bytes from `start`, in pieces; none past the end.

        A missing object is told at once, not at the first piece. Close it when you stop early.
        """

    def stat(self, name: str) -> StoredObject: ...

    def exists(self, name: str) -> bool: ...

    def delete(self, name: str) -> None:
        """Remove the object; a missing one is fine."""

    def names(
        self, prefix: str = "", *, older_than: datetime | None = None
    ) -> Iterator[StoredObject]:
        """What is stored, in no order; what the store did not name itself is passed over."""

    def remove_leftovers(self, *, older_than: datetime) -> int:
        """Remove what killed uploads left behind (no name ever showed it) and count it."""

    def link(self, name: str, *, seconds: int, file_name: str, media_type: str) -> str:
        """An address that serves the object to anyone for `seconds` (one to a week).

        It asks the store nothing: a link to a missing object is a link to a 404.
        """

    def check(self) -> None:
        """Raise StoreDown or StoreRefused unless the store answers and lets us in."""


def check_range(start: int, length: int) -> None:
    if start < 0 or length < 1:
        raise ValueError(f"a range starts at 0 or later and holds a byte: {start}, {length}")
