"""Renders: found by key, made once however many ask, finished together with their job."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction

from jobs.prepared import Statement
from jobs.services.claims import Charge, ClaimedJob, finish_job
from voices.models import Render, Variant
from voices.owning.standing import hold_voice_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    Reservation = tuple[UUID, UUID, str | None]  # tenant, job, the tenant's own voice if it speaks

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
    stale: bool = False  # its last use was noted a while ago
    files: Mapping[tuple[str, int], File] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        return bool(self.sha256)

    def file(self, audio_format: str, rate: int | None) -> File | None:
        """It in a container, at the sample rate asked for, where that is encoded already."""
        return self.files.get((audio_format, rate or 0))


LOOK = Statement(
    "find_renders",
    ("text[]", "float8"),
    """
    SELECT r.key, r.job_id, r.sha256, r.seconds, r.sample_rate, r.engine,
           r.used_at < now() - interval '1 hour',
           v.format, v.sample_rate, v.sha256, v.bytes, v.file_rate
      FROM voices_render r
      LEFT JOIN voices_variant v ON v.render_id = r.key AND v.loudness = $2
     WHERE r.key = ANY($1)
    """,
)

RESERVE = Statement(
    "reserve_renders",
    ("text[]", "uuid[]", "uuid[]", "uuid[]"),
    """
    INSERT INTO voices_render AS r (key, tenant_id, job_id, voice_id)
    SELECT * FROM unnest($1, $2, $3, $4) AS asked(key, tenant_id, job_id, voice_id) ORDER BY key
    ON CONFLICT (key) DO UPDATE SET used_at = now()
    RETURNING r.key, r.job_id, r.sha256
    """,
)

# Whoever notes a use at the same time has noted it for us.
TOUCH = Statement(
    "touch_renders",
    ("text[]",),
    """
    UPDATE voices_render SET used_at = now()
     WHERE key IN (SELECT key FROM voices_render WHERE key = ANY($1) FOR UPDATE SKIP LOCKED)
    RETURNING key
    """,
)

TAKE_OVER = Statement(
    "take_over_render",
    ("text", "uuid"),
    "UPDATE voices_render SET job_id = $2 WHERE key = $1 AND sha256 = '' RETURNING key",
)

COMPLETE = Statement(
    "complete_render",
    ("text", "uuid", "uuid", "text", "float8", "int", "text", "uuid"),
    """
    INSERT INTO voices_render AS r
           (key, tenant_id, job_id, sha256, seconds, sample_rate, engine, voice_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
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


def find_renders(keys: Sequence[str]) -> dict[str, FoundRender]:
    """What is known under these keys, each with its files at our loudness."""
    found: dict[str, FoundRender] = {}
    files: defaultdict[str, dict[tuple[str, int], File]] = defaultdict(dict)
    for row in LOOK.rows(list(keys), settings.LOUDNESS):
        (key, *_), (audio_format, asked, sha256, size, rate) = row[:7], row[7:]
        found[key] = FoundRender(*[*row[:7], files[key]])
        if audio_format is not None:
            files[key][audio_format, asked] = File(sha256, audio_format, size, rate)
    return found


def forget_file(tenant_id: UUID | str, sha256: str) -> None:
    """The store has lost this file: whoever asks for its text next gets a new one."""
    Variant.objects.filter(render__tenant_id=tenant_id, sha256=sha256).delete()


def forget_renders_of(voice_id: UUID) -> None:
    """Nothing that this voice said is served any more."""
    Variant.objects.filter(render__voice_id=voice_id).delete()
    Render.objects.filter(voice_id=voice_id).delete()


def reserve_renders(wanted: Mapping[str, Reservation]) -> dict[str, UUID | None]:
    """Whose render each key is now, nobody's where it is ready.

    The keys stay locked until we commit.
    """
    rows = RESERVE.rows(list(wanted), *map(list, zip(*wanted.values(), strict=True)))
    return {key: None if sha256 else job_id for key, job_id, sha256 in rows}


def note_use(renders: Iterable[FoundRender]) -> None:
    """Keep what is asked for: its time begins anew. Once an hour is enough."""
    if stale := [render.key for render in renders if render.stale]:
        TOUCH.rows(stale)


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
    """Render, file, result, usage and event in one transaction; none of it without the lease.

    It raises where the voice may not be spoken any more.
    """
    hold_voice_of(job)
    COMPLETE.row(
        render.key,
        str(job.tenant_id),
        str(render.job_id),
        render.sha256,
        render.seconds,
        render.sample_rate,
        render.engine,
        job.request.get("own_voice"),
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
