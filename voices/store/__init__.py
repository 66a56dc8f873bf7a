"""The audio store: content-addressed files in a local folder or in any S3."""

from voices.store.contract import AudioStore, StoredObject
from voices.store.errors import (
    LinkExpired,
    LinkInvalid,
    NameRefused,
    ObjectDamaged,
    ObjectMissing,
    StoreDown,
    StoreError,
    StoreRefused,
)
from voices.store.file_names import content_disposition, safe_file_name
from voices.store.names import artifact_name, audio_name, checkpoint_name, upload_name
from voices.store.verified import read_verified

__all__ = [
    "AudioStore",
    "LinkExpired",
    "LinkInvalid",
    "NameRefused",
    "ObjectDamaged",
    "ObjectMissing",
    "StoreDown",
    "StoreError",
    "StoreRefused",
    "StoredObject",
    "artifact_name",
    "audio_name",
    "checkpoint_name",
    "content_disposition",
    "read_verified",
    "safe_file_name",
    "upload_name",
]
