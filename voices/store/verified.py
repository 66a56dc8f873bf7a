"""Reading that proves the bytes: audio is never silently altered."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from voices.store.errors import ObjectDamaged
from voices.store.names import sha256_in

if TYPE_CHECKING:
    from voices.store.contract import AudioStore


def read_verified(store: AudioStore, name: str) -> bytes:
    """The object's bytes, or ObjectDamaged where they do not hash to its name."""
    expected = sha256_in(name)
    data = store.read(name)
    if hashlib.sha256(data).hexdigest() != expected:
        raise ObjectDamaged(f"{name} is damaged: delete it and make it again")
    return data
