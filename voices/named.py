"""Which stored objects some row names: what no row names may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

from voices.store import audio_name, upload_name
from voices.store.names import sha256_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

CANONICAL = "wav"  # what a sample is kept as

NAMED = """
    SELECT sha256 FROM voices_variant WHERE sha256 = ANY(%(hashes)s)
    UNION SELECT sha256 FROM voices_render WHERE sha256 = ANY(%(hashes)s)
    UNION SELECT sha256 FROM voices_artifact WHERE sha256 = ANY(%(hashes)s)
    UNION SELECT result ->> 'sha256' FROM jobs_job
           WHERE result ->> 'sha256' = ANY(%(hashes)s) AND NOT result ? 'expired'
    UNION SELECT checkpoint ->> 'sha256' FROM jobs_job
           WHERE checkpoint ->> 'sha256' = ANY(%(hashes)s)"""

# A tenant's own: that another tenant uploaded the same bytes keeps nothing of this one's.
SAMPLED = """
    SELECT tenant_id, original, original_kept, sha256 FROM voices_sample
     WHERE original = ANY(%(hashes)s) OR sha256 = ANY(%(hashes)s)"""


def named_among(names: Collection[str]) -> set[str]:
    """Which of these stored objects are named by a row."""
    hashes = {name: sha256_in(name) for name in names}
    with connection.cursor() as cursor:
        cursor.execute(NAMED, {"hashes": list(hashes.values())})
        kept = {row[0] for row in cursor.fetchall()}
    named = {name for name, sha256 in hashes.items() if sha256 in kept}
    return named | (hashes.keys() & set(_sampled(list(hashes.values()))))


def _sampled(hashes: list[str]) -> Iterator[str]:
    """The objects that samples with these hashes name."""
    with connection.cursor() as cursor:
        cursor.execute(SAMPLED, {"hashes": hashes})
        for tenant_id, original, original_kept, sha256 in cursor.fetchall():
            if original_kept:
                yield upload_name(tenant_id, original)
            if sha256:
                yield audio_name(tenant_id, sha256, CANONICAL)
