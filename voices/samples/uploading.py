"""Uploading samples: the bytes go to the store, then rows and probes are one transaction."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from django.db import DatabaseError, transaction

from jobs.pressure import check_pressure
from tenants import audit
from tenants.limits import limits_of
from voices.models import Sample, Voice
from voices.owning.describing import hold
from voices.owning.removals import remove_now
from voices.samples.errors import MOST_SAMPLES, SampleTooLargeError, TooManySamplesError
from voices.samples.probes import begin_probes, is_unheard, settle_probes
from voices.samples.selectors import owner_of
from voices.storage import putting, web_store
from voices.store import StoreError, upload_name
from voices.store.file_names import printable
from voices.store.names import media_type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from uuid import UUID

    from tenants.audit import Actor
    from voices.errors import VoiceError

LONGEST_NAME = 120
UNNAMED = "recording"


@dataclass(frozen=True)
class Upload:
    """A file as somebody sent it."""

    name: str
    data: bytes = field(repr=False)

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a file: its sample, which may have been there before, or why there is none."""

    upload: Upload
    sample: Sample | None = None
    fresh: bool = False
    error: VoiceError | None = None

    @property
    def name(self) -> str:
        return self.sample.name if self.sample else clean_name(self.upload.name)


def upload_samples(
    *, voice: Voice, uploads: Sequence[Upload], actor: Actor, ceiling: int
) -> list[Received]:
    """Samples of this voice."""
    return receive(
        tenant_id=owner_of(voice),
        find_voice=lambda: voice,
        uploads=uploads,
        actor=actor,
        ceiling=ceiling,
    )


def receive(
    *,
    tenant_id: UUID,
    find_voice: Callable[[], Voice],
    uploads: Sequence[Upload],
    actor: Actor,
    ceiling: int,
) -> list[Received]:
    """An answer for each file, in order. All that can be taken are taken together, or none.

    The same bytes again are the sample that they made before. `ceiling`: of unfinished jobs. The
    voice is looked for, or made, in the transaction that adds samples to it: none is made where
    no file can be taken.
    """
    allowed = limits_of(tenant_id).sample_bytes
    fitting = [upload for upload in uploads if len(upload.data) <= allowed]
    check_pressure(tenant_id=tenant_id, ceiling=ceiling, more=len(fitting))
    taken = iter(_store(tenant_id, find_voice, fitting, actor) if fitting else ())
    too_large = SampleTooLargeError(allowed)
    return [
        next(taken) if len(upload.data) <= allowed else Received(upload, error=too_large)
        for upload in uploads
    ]


def _store(
    tenant_id: UUID, find_voice: Callable[[], Voice], uploads: Sequence[Upload], actor: Actor
) -> list[Received]:
    """Bytes first, rows after; what got no new row does not stay in the store for it."""
    names = {upload_name(tenant_id, upload.sha256): upload for upload in uploads}
    try:
        with ExitStack() as stack:
            for name, upload in sorted(names.items()):
                stack.enter_context(putting(name))
                web_store().put(name, upload.data, media_type=media_type_of(name))
            taken = _take(find_voice, uploads, actor)
    except (StoreError, DatabaseError):  # which is away: the sweep of orphans comes later
        raise
    except Exception:  # there is no such voice any more, or there may be none
        remove_now(names)
        raise
    fresh = {upload_name(tenant_id, one.upload.sha256) for one in taken if one.fresh}
    if spare := names.keys() - fresh:  # known before, or refused after all
        remove_now(spare)
    return taken


@transaction.atomic
def _take(
    find_voice: Callable[[], Voice], uploads: Sequence[Upload], actor: Actor
) -> list[Received]:
    voice = hold(find_voice())
    settle_probes(voice)
    known = {one.original: one for one in voice.samples.filter(original__in=_hashes(uploads))}
    added = _add(voice, [upload for upload in uploads if upload.sha256 not in known])
    again = {sha256: sample for sha256, sample in known.items() if is_unheard(sample)}
    begin_probes([*added.values(), *again.values()])
    for sample in (added | again).values():
        audit.record(
            actor,
            "sample.uploaded",
            tenant_id=sample.tenant_id,
            kind="sample",
            object_id=sample.id,
            voice=str(voice.id),
        )
    samples, fresh = known | added, added.keys() | again.keys()
    return [_received(one, samples.get(one.sha256), fresh) for one in uploads]


def _hashes(uploads: Sequence[Upload]) -> list[str]:
    return [upload.sha256 for upload in uploads]


def _add(voice: Voice, uploads: Sequence[Upload]) -> dict[str, Sample]:
    """Rows for as many as the voice has room for, by hash."""
    room = MOST_SAMPLES - voice.samples.count()
    new = dict(list({upload.sha256: upload for upload in uploads}.items())[: max(0, room)])
    samples = [_sample(voice, upload) for upload in new.values()]
    Sample.objects.bulk_create(samples)
    return dict(zip(new, samples, strict=True))


def _sample(voice: Voice, upload: Upload) -> Sample:
    return Sample(
        tenant_id=owner_of(voice),
        voice=voice,
        name=clean_name(upload.name),
        original=upload.sha256,
        original_bytes=len(upload.data),
    )


def _received(upload: Upload, sample: Sample | None, fresh: Collection[str]) -> Received:
    if sample is None:
        return Received(upload, error=TooManySamplesError())
    return Received(upload, sample, fresh=upload.sha256 in fresh)


def clean_name(name: str) -> str:
    """What somebody called the file, as text that can be shown."""
    return printable(name)[:LONGEST_NAME].strip() or UNNAMED
