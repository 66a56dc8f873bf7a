"""Renders: found by key, made once however many ask, finished together with their job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction

from jobs.prepared import Statement
from jobs.services.claims import Charge, ClaimedJob, finish_job
from voices.models import Variant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

MASTER = "flac"  # what a render is kept as: lossless, loudness not yet set


@dataclass(frozen=True, slots=True)
class File:
    """An encoded file in the store."""

    sha256: str
    format: str
    bytes: int
    sample_rate: int


@dataclass(frozen=True, slots=True)
class FoundRender:
    """A render somebody made or is making. No sha256: not ready."""

    key: str
    job_id: UUID | None
    sha256: str
    seconds: float
    sample_rate: int
    engine: str
    file: File | None = None
    stale: bool = False  # its last use was noted a while ago

    @property
    def ready(self) -> bool:
        return bool(self.sha256)


LOOK = Statement(
    "find_renders",
    ("text[]", "text", "int", "float8"),
    """
    SELECT r.key, r.job_id, r.sha256, r.seconds, r.sample_rate, r.engine,
           v.sha256, v.bytes, v.file_rate, r.used_at < now() - interval '1 hour'
      FROM unnest($1) WITH ORDINALITY AS asked(key, place)
      JOIN voices_render r ON r.key = asked.key
      LEFT JOIN voices_variant v ON v.render_id = r.key AND v.format = $2
           AND v.sample_rate = $3 AND v.loudness = $4
     ORDER BY asked.place
    """,
)

RESERVE = Statement(
    "reserve_render",
    ("text", "uuid", "uuid"),
    """
    INSERT INTO voices_render AS r (key, tenant_id, job_id) VALUES ($1, $2, $3)
    ON CONFLICT (key) DO UPDATE SET used_at = now()
    RETURNING r.job_id, r.sha256
    """,
)

TOUCH = Statement(
    "touch_render",
    ("text",),
    "UPDATE voices_render SET used_at = now() WHERE key = $1 RETURNING key",
)

TAKE_OVER = Statement(
    "take_over_render",
    ("text", "uuid"),
    "UPDATE voices_render SET job_id = $2 WHERE key = $1 AND sha256 = '' RETURNING key",
)

COMPLETE = Statement(
    "complete_render",
    ("text", "uuid", "uuid", "text", "float8", "int", "text"),
    """
    INSERT INTO voices_render AS r (key, tenant_id, job_id, sha256, seconds, sample_rate, engine)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (key) DO UPDATE SET job_id = $3, sha256 = $4, seconds = $5, sample_rate = $6,
           engine = $7, used_at = now()
    RETURNING key
    """,
)

ADD_VARIANT = Statement(
    "add_variant",
    ("text", "text", "int", "float8", "text", "bigint", "int"),
    """
    INSERT INTO voices_variant
           (render_id, format, sample_rate, loudness, sha256, bytes, file_rate)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (render_id, format, sample_rate, loudness)
    DO UPDATE SET sha256 = $5, bytes = $6, file_rate = $7
    RETURNING id
    """,
)


def find_renders(keys: Sequence[str], audio_format: str, rate: int | None) -> list[FoundRender]:
    """What is known under these keys, in their order, with the file where it is encoded already."""
    rows = LOOK.rows(list(keys), audio_format, rate or 0, settings.LOUDNESS)
    return [FoundRender(*[*row[:6], _file(audio_format, *row[6:9]), row[9]]) for row in rows]


def _file(audio_format: str, sha256: str | None, size: int, rate: int) -> File | None:
    return File(sha256, audio_format, size, rate) if sha256 else None


def forget_file(tenant_id: UUID | str, sha256: str) -> None:
    """The store has lost this file: whoever asks for its text next gets a new one."""
    Variant.objects.filter(render__tenant_id=tenant_id, sha256=sha256).delete()


def reserve_render(key: str, tenant_id: UUID, job_id: UUID) -> tuple[UUID | None, bool]:
    """Whose render it is now, and whether it is ready. The key stays locked until we commit."""
    row = RESERVE.row(key, str(tenant_id), str(job_id))
    return (row[0], bool(row[1])) if row else (None, False)


def note_use(render: FoundRender) -> None:
    """Keep a render that is asked for: time begins anew. Once an hour is enough."""
    if render.stale:
        TOUCH.row(render.key)


def take_over_render(key: str, job_id: UUID) -> None:
    """The job that was making it has ended without a result: this one makes it."""
    TAKE_OVER.row(key, str(job_id))


@transaction.atomic
def finish_synthesis(
    job: ClaimedJob,
    *,
    render: FoundRender,
    file: File,
    result: dict[str, Any],
    charge: Charge,
) -> bool:
    """Render, file, result, usage and event in one transaction; none of it without the lease."""
    COMPLETE.row(
        render.key,
        str(job.tenant_id),
        str(render.job_id),
        render.sha256,
        render.seconds,
        render.sample_rate,
        render.engine,
    )
    _add_variant(render.key, file, job.request.get("sample_rate"))
    if finish_job(job, result=result, charge=charge):
        return True
    transaction.set_rollback(True)
    return False


def _add_variant(key: str, file: File, asked_rate: int | None) -> None:
    ADD_VARIANT.row(
        key,
        file.format,
        asked_rate or 0,
        settings.LOUDNESS,
        file.sha256,
        file.bytes,
        file.sample_rate,
    )
