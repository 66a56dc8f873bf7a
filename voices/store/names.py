"""Names of stored objects: `<tenant>/<sha[:2]>/<sha>.<suffix>`, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from voices.store.errors import NameRefused

if TYPE_CHECKING:
    from uuid import UUID

SHARED = "shared"
ARTIFACT = "voice"  # what an engine keeps of a cloned speaker
CHECKPOINT = "checkpoint"  # where a training goes on from
UPLOAD = "upload"  # what somebody sent, as it came: whatever it claims to be, it is just bytes
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NAME = re.compile(
    rf"(?:{SHARED}|{_UUID})/(?P<shard>[0-9a-f]{{2}})"
    r"/(?P<sha256>(?P=shard)[0-9a-f]{62})\.(?P<suffix>[a-z0-9]{1,10})"
)
# The start of a name: at most three parts, none of which can climb or be a pattern.
_PREFIX = re.compile(
    r"(?:[a-z0-9-]{1,36}"
    r"(?:/(?:[0-9a-f]{0,2}|[0-9a-f]{2}/[0-9a-f]{0,64}(?:\.[a-z0-9]{0,10})?))?)?"
)

MEDIA_TYPES = {
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
    "webm": "audio/webm",
    "json": "application/json",
}


def audio_name(tenant: UUID | str, sha256: str, suffix: str) -> str:
    """The name of these bytes for this tenant (a UUID, or 'shared')."""
    return check_name(f"{tenant}/{sha256[:2]}/{sha256}.{suffix}")


def upload_name(tenant: UUID | str, sha256: str) -> str:
    """The name of bytes as this tenant uploaded them."""
    return audio_name(tenant, sha256, UPLOAD)


def artifact_name(tenant: UUID | str, sha256: str) -> str:
    """The name of what an engine keeps of a speaker of this tenant's."""
    return audio_name(tenant, sha256, ARTIFACT)


def checkpoint_name(tenant: UUID | str, sha256: str) -> str:
    """The name of what a training of this tenant's goes on from."""
    return audio_name(tenant, sha256, CHECKPOINT)


def check_name(name: str) -> str:
    _match(name)
    return name


def is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def check_prefix(prefix: str) -> str:
    if not _PREFIX.fullmatch(prefix):
        raise NameRefused(f"{prefix[:100]!r} is not the start of a stored object's name")
    return prefix


def sha256_in(name: str) -> str:
    return _match(name)["sha256"]


def media_type_of(name: str) -> str:
    """What the suffix says, so that every store gives the same answer."""
    return MEDIA_TYPES.get(_match(name)["suffix"], "application/octet-stream")


def _match(name: str) -> re.Match[str]:
    found = _NAME.fullmatch(name)
    if found is None:
        raise NameRefused(f"{name[:100]!r} is not a stored object's name: use audio_name()")
    return found
