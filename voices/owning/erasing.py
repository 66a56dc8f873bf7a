"""Erasing a voice: what was given for it, what was made of it, and all it ever said.

First it is marked, so that nothing begins with it or finishes any more; then its jobs are ended;
then all of it goes in one transaction, which notes what is to leave the store. A process that dies
on the way is followed up by a sweep.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.module_loading import import_string

from jobs.services.blanking import blank_jobs
from voices import selectors
from voices.models import (
    Artifact,
    Consent,
    Making,
    Revision,
    Sample,
    Status,
    Voice,
)
from voices.named import CANONICAL
from voices.owning.checkpoints import drop_checkpoints
from voices.owning.describing import hold, note, save
from voices.owning.removals import ask_removal
from voices.owning.stopping import ERASED, REVERTED, end_jobs, jobs_of_clone, stop_jobs
from voices.renders import MASTER, forget_renders_of
from voices.store import audio_name
from voices.store.names import ARTIFACT, CHECKPOINT, UPLOAD

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from tenants.audit import Actor

FOLLOW_UP = timedelta(minutes=2)

JOBS = """
    SELECT id FROM jobs_job
     WHERE request ? 'own_voice' AND request ->> 'own_voice' = %(voice)s::text
    UNION SELECT job_id FROM voices_making WHERE voice_id = %(voice)s
    UNION SELECT job_id FROM voices_sample WHERE voice_id = %(voice)s AND job_id IS NOT NULL"""

# In the store under the tenant's name: what was cloned and said; what was uploaded; delivered.
MADE = f"""
    SELECT sha256, '{ARTIFACT}' FROM voices_artifact WHERE voice_id = %(voice)s
    UNION SELECT sha256, '{MASTER}' FROM voices_render WHERE voice_id = %(voice)s AND sha256 <> ''
    UNION SELECT v.sha256, v.format FROM voices_variant v
            JOIN voices_render r ON r.key = v.render_id WHERE r.voice_id = %(voice)s"""  # noqa: S608 - ours
ALL = f"""{MADE}
    UNION SELECT sha256, '{CANONICAL}' FROM voices_sample
           WHERE voice_id = %(voice)s AND sha256 <> ''
    UNION SELECT original, '{UPLOAD}' FROM voices_sample WHERE voice_id = %(voice)s
    UNION SELECT result ->> 'sha256', result ->> 'format' FROM jobs_job
           WHERE request ? 'own_voice' AND request ->> 'own_voice' = %(voice)s::text
             AND result ? 'sha256'
    UNION SELECT checkpoint ->> 'sha256', '{CHECKPOINT}' FROM jobs_job
           WHERE request ? 'own_voice' AND request ->> 'own_voice' = %(voice)s::text
             AND checkpoint ? 'sha256'"""  # noqa: S608 - ours


def erase_voice(*, voice: Voice, actor: Actor, expected: int | None) -> None:
    """Once this returns no row names anything of it; the store follows as soon as it can."""
    begin_erasure(voice, actor, expected)
    carry_out(voice)


@transaction.atomic
def begin_erasure(voice: Voice, actor: Actor, expected: int | None) -> None:
    """Those who speak in it let go first: they hold the tenant before they hold a voice."""
    import_string(settings.BEFORE_ERASURE)(voice, actor)
    held = hold(voice, expected)
    Voice.objects.filter(id=held.id).update(erasing_since=Now(), active=False)
    note(actor, "voice.erased", held, **_facts(held))


def _facts(voice: Voice) -> dict[str, Any]:
    """What may be told of it for ever: how much there was, and that there was consent."""
    return {
        "samples": voice.samples.count(),
        "artifacts": voice.artifacts.count(),
        "consents": [
            {
                "sha256": _digest(consent),
                "given": consent.given_at.isoformat(),
                "withdrawn": consent.withdrawn_at and consent.withdrawn_at.isoformat(),
            }
            for consent in voice.consents.all()
        ],
    }


def _digest(consent: Consent) -> str:
    """Whoever still has the facts can prove that this was it; nobody can read them from it."""
    facts = (str(consent.id), consent.speaker, consent.text_version, *consent.samples)
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def carry_out(voice: Voice) -> None:
    while stop_jobs(voice, *ERASED):  # what one of them leaves to another is ended as well
        continue
    _wipe(voice)
    selectors.forget_remembered()


@transaction.atomic
def _wipe(voice: Voice) -> None:
    held = Voice.objects.select_for_update().filter(id=voice.id).first()
    if held is None:
        return
    ask_removal(stored_of(held, ALL))
    blank_jobs([row[0] for row in _rows(JOBS, held)])
    _delete_made(held)
    Consent.objects.filter(voice=held).delete()
    Sample.objects.filter(voice=held).delete()
    _history_of(held).delete()
    held.delete()


def _history_of(voice: Voice) -> QuerySet[LogEntry]:
    """What the admin noted of it: each line holds its name."""
    kind = ContentType.objects.get_for_model(Voice)
    return LogEntry.objects.filter(content_type=kind, object_id=str(voice.id))


def _delete_made(voice: Voice) -> None:
    list(voice.makings.select_for_update())  # a worker that notes a loss is waited for, or waits
    forget_renders_of(voice.id)
    Revision.objects.filter(voice=voice).delete()
    Artifact.objects.filter(voice=voice).delete()
    Making.objects.filter(voice=voice).delete()


def stored_of(voice: Voice, sql: str) -> set[str]:
    """The objects in the store that this finds, under the tenant's name."""
    tenant = str(voice.tenant_id)
    return {audio_name(tenant, sha256, suffix) for sha256, suffix in _rows(sql, voice)}


def _rows(sql: str, voice: Voice) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"voice": str(voice.id)})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def finish_erasures(*, dry_run: bool = False) -> int:
    """The sweep: voices whose erasure nobody has finished."""
    begun = Voice.objects.filter(erasing_since__lt=Now() - FOLLOW_UP)
    if not dry_run:
        for voice in begun:
            carry_out(voice)
    return len(begun)


def revert_voice(*, voice: Voice, actor: Actor, expected: int | None) -> Voice:
    """Back to before its first clone: what was made goes, what was given and delivered stays."""
    reverted, begun, made = _unmake(voice, actor, expected)
    end_jobs(begun, *REVERTED)
    drop_checkpoints(made)
    return reverted


@transaction.atomic
def _unmake(
    voice: Voice, actor: Actor, expected: int | None
) -> tuple[Voice, list[UUID], list[UUID]]:
    """With the jobs under way, and those that made it: who asks for a clone now gets one."""
    held = hold(voice, expected)
    begun, made = jobs_of_clone(held), list(held.makings.values_list("job_id", flat=True))
    ask_removal(stored_of(held, MADE))
    _delete_made(held)
    save(held, status=Status.NONE, trouble="")
    note(actor, "voice.reverted", held)
    return held, begun, made
