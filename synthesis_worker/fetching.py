"""What workers read from the store: whole, and compared with its hash."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jobs.patience import patiently
from voices import storage
from voices.store import StoreDown, StoreRefused, read_verified

if TYPE_CHECKING:
    from jobs.keeper import Held


def fetch(name: str, held: Held) -> bytes:
    """Waits while the store is away; raises where it has lost the object, or has spoilt it."""
    read = partial(read_verified, storage.audio_store(), name)
    return patiently(held, read, away=(StoreDown, StoreRefused))
