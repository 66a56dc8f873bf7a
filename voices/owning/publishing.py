"""Publishing a draft, and going back to what was published before: one row changes place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Coalesce, Now

from voices.models import Revision, Status
from voices.owning.describing import hold, note, save
from voices.owning.errors import (
    ConsentWithdrawnError,
    NothingToPublishError,
    NothingToRollBackError,
)

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from tenants.audit import Actor
    from voices.models import Binding, Voice

State = Revision.State


@transaction.atomic
def publish_draft(*, voice: Voice, actor: Actor, expected: int | None) -> Voice:
    """The draft is what jobs get from now on. What they had pinned they keep."""
    held = hold(voice, expected)
    draft = held.revisions.filter(state=State.DRAFT).first()
    if draft is None or not draft.bindings.exists():
        raise NothingToPublishError
    put_forward(held, draft)
    _save_speaking(held)
    note(actor, "voice.published", held, revision=draft.number)
    return held


@transaction.atomic
def roll_back(*, voice: Voice, actor: Actor, expected: int | None) -> Voice:
    """What was published before is published again. A second time it goes forth again."""
    held = hold(voice, expected)
    since = Coalesce("published_at", "created_at")
    before = held.revisions.filter(state=State.RETIRED).alias(since=since)
    revision = before.order_by("-since").first() if _is_published(held) else None
    if revision is None:
        raise NothingToRollBackError
    put_forward(held, revision)
    _save_speaking(held)
    note(actor, "voice.rolled_back", held, revision=revision.number)
    return held


def put_forward(voice: Voice, revision: Revision) -> None:
    """Publish this one and retire the other. The voice is held."""
    if fallen(revision).exists():
        raise ConsentWithdrawnError
    voice.revisions.filter(state=State.PUBLISHED).update(state=State.RETIRED)
    voice.revisions.filter(id=revision.id).update(state=State.PUBLISHED, published_at=Now())


def _save_speaking(voice: Voice) -> None:
    """Whatever silenced it before does so no more; a clone under way goes on."""
    status = voice.status if voice.status == Status.TRAINING else Status.READY
    save(voice, status=status, trouble="")


def fallen(revision: Revision) -> QuerySet[Binding]:
    """What was made under a consent that stands no more."""
    return revision.bindings.filter(artifact__making__consent__withdrawn_at__isnull=False)


def speaks(voice: Voice) -> bool:
    """Whether anything is published that may be spoken."""
    published = voice.revisions.filter(state=State.PUBLISHED).first()
    if published is None or not published.bindings.exists():
        return False
    return not fallen(published).exists()


def _is_published(voice: Voice) -> bool:
    return voice.revisions.filter(state=State.PUBLISHED).exists()
