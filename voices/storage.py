"""Which store holds the audio, from the settings; and the bytes in it under their hash."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

from jobs.prepared import Statement
from voices.requests import FORMATS
from voices.store import AudioStore, audio_name
from voices.store.folder import FolderStore
from voices.store.names import sha256_in
from voices.store.s3 import MinioStore, Patience
from voices.timing import TimedStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from uuid import UUID


WEB_STORE_SECONDS = 8.0

# Puts of the same bytes may run side by side; a removal runs alone, from its look to its end.
BEGIN_PUT = Statement("begin_put", ("bigint",), "SELECT pg_advisory_lock_shared($1)")
END_PUT = Statement("end_put", ("bigint",), "SELECT pg_advisory_unlock_shared($1)")
BEGIN_REMOVAL = Statement("begin_removal", ("bigint",), "SELECT pg_try_advisory_lock($1)")
END_REMOVAL = Statement("end_removal", ("bigint",), "SELECT pg_advisory_unlock($1)")


@cache
def audio_store() -> AudioStore:
    """The S3 of the settings, or a local folder where none is set."""
    return _open_store(Patience())


@cache
def web_store() -> AudioStore:
    """The same for answers to clients: each request to it ends within WEB_STORE_SECONDS."""
    return _open_store(Patience(connect=1.0, read=2.75))


def _open_store(patience: Patience) -> AudioStore:
    if not settings.S3_ENDPOINT:
        return _timed_folder()
    return TimedStore(
        MinioStore(
            settings.S3_ENDPOINT,
            settings.S3_ACCESS_KEY,
            settings.S3_SECRET_KEY,
            settings.S3_BUCKET,
            region=settings.S3_REGION,
            public_endpoint=settings.S3_PUBLIC_ENDPOINT or None,
            patience=patience,
        )
    )


@cache
def _timed_folder() -> AudioStore:
    return TimedStore(folder_store())


@cache
def folder_store() -> FolderStore:
    return FolderStore(
        settings.AUDIO_FOLDER,
        secret=settings.SECRET_KEY,
        base_url=f"{settings.PUBLIC_URL}/files",
        old_secrets=settings.SECRET_KEY_FALLBACKS,
    )


def put_audio(tenant_id: UUID, data: bytes, audio_format: str) -> str:
    """Store the bytes under their hash, which is returned once they are durable.

    Where the ledger is lost on the way, so is the lock, and the put has to be repeated: it raises.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    name = audio_name(tenant_id, sha256, audio_format)
    with putting(name):
        audio_store().put(name, data, media_type=FORMATS[audio_format])
    return sha256


@contextmanager
def putting(name: str) -> Iterator[None]:
    """Nobody removes the object meanwhile: it may last from the put to the row that names it."""
    BEGIN_PUT.row(_lock_of(name))
    try:
        yield
    finally:
        END_PUT.row(_lock_of(name))


def remove_if_older(name: str, before: datetime) -> bool:
    """Remove an object unless it was put since then, or is being put now: both count as a use."""
    with _removing(name) as alone:
        return alone and _remove_if_older(audio_store(), name, before)


def remove_unless(name: str, is_named: Callable[[str], bool]) -> bool:
    """Remove an object at once. Where it is being put, or is named, it is left to the sweep."""
    with _removing(name) as alone:
        if not alone or is_named(name):
            return False
        web_store().delete(name)  # somebody may be waiting
        return True


@contextmanager
def _removing(name: str) -> Iterator[bool]:
    """Whether we are alone with the object."""
    row = BEGIN_REMOVAL.row(_lock_of(name))
    if row is None or not row[0]:
        yield False
        return
    try:
        yield True
    finally:
        END_REMOVAL.row(_lock_of(name))


def _remove_if_older(store: AudioStore, name: str, before: datetime) -> bool:
    if not store.exists(name) or store.stat(name).modified >= before:
        return False
    store.delete(name)
    return True


def _lock_of(name: str) -> int:
    """Eight bytes of the hash. Two objects with the same ones merely wait for each other."""
    return int(sha256_in(name)[:16], 16) - 2**63
