"""Which store holds the audio, from the settings; and the bytes in it under their hash."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

from voices.requests import FORMATS
from voices.store import AudioStore, audio_name
from voices.store.folder import FolderStore
from voices.store.s3 import MinioStore

if TYPE_CHECKING:
    from uuid import UUID


@cache
def audio_store() -> AudioStore:
    """The S3 of the settings, or a local folder where none is set."""
    if not settings.S3_ENDPOINT:
        return folder_store()
    return MinioStore(
        settings.S3_ENDPOINT,
        settings.S3_ACCESS_KEY,
        settings.S3_SECRET_KEY,
        settings.S3_BUCKET,
        region=settings.S3_REGION,
        public_endpoint=settings.S3_PUBLIC_ENDPOINT or None,
    )


@cache
def folder_store() -> FolderStore:
    return FolderStore(
        settings.AUDIO_FOLDER, secret=settings.SECRET_KEY, base_url=f"{settings.PUBLIC_URL}/files"
    )


def put_audio(tenant_id: UUID, data: bytes, audio_format: str) -> str:
    """Store the bytes under their hash, which is returned once they are durable."""
    sha256 = hashlib.sha256(data).hexdigest()
    name = audio_name(tenant_id, sha256, audio_format)
    audio_store().put(name, data, media_type=FORMATS[audio_format])
    return sha256
