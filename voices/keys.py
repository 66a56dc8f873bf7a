"""The key of a render: everything that decides how a text sounds, and nothing else."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uuid import UUID

    from voices.routing import Way

SEED_BITS = 31


def render_key(
    *, tenant_id: UUID, text: str, language: str, revision: str, way: Way, seed: int | None
) -> str:
    """SHA-256 of canonical JSON; container, sample rate and loudness are left out on purpose."""
    return _digest(
        {
            "tenant": str(tenant_id),
            "text": text,
            "language": language,
            "revision": revision,
            "engine": way.engine,
            "model": way.model,
            "digest": way.digest,
            "speaker": way.speaker,
            "dials": {name: float(value) for name, value in way.dials.items()},
            "seed": seed,
        }
    )


def seed_of(key: str, asked: int | None) -> int:
    """The seed asked for; else one that follows from the rest of the key."""
    return asked if asked is not None else int(key[:16], 16) % 2**SEED_BITS


def fresh_seed() -> int:
    return secrets.randbits(SEED_BITS)


def _digest(parts: dict[str, Any]) -> str:
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
