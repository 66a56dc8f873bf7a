"""Reading personalities: a tenant's own alone, and which of them answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from personalities.defaults import default_personalities
from personalities.errors import PersonalityInactiveError, PersonalityNotFoundError
from personalities.models import Personality
from personalities.settling import default_row, settle
from voices.models import Voice
from voices.selectors import as_uuid

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet


def tenant_personalities(tenant_id: UUID) -> QuerySet[Personality]:
    """All of a tenant's, those that everybody begins with among them."""
    settle(tenant_id)
    found = Personality.objects.filter(tenant_id=tenant_id)
    return found.select_related("voice", "fallback_voice", "own_voice")


def find_personality(tenant_id: UUID, reference: str) -> Personality:
    """By id or slug. Another tenant's is as good as none."""
    known = as_uuid(reference)
    named = Q(slug=reference) if known is None else Q(id=known)
    if not reference.isascii() or not reference.isprintable():
        raise PersonalityNotFoundError  # no name, and maybe nothing that a database can be asked
    if (found := tenant_personalities(tenant_id).filter(named).first()) is None:
        raise PersonalityNotFoundError
    return found


def which_personality(
    tenant_id: UUID, asked: str | None = None, of_conversation: str | None = None
) -> Personality:
    """Who answers: the one asked for; else the conversation's; else the tenant's primary; else its
    first active one; else marcel, who is not in the database where the tenant deleted him.

    One that is asked for and switched off is refused. One that a conversation began with and that
    is gone or off by now is replaced by the next in line.
    """
    if asked:
        return check_active(find_personality(tenant_id, asked))
    active = tenant_personalities(tenant_id).filter(active=True)
    known = as_uuid(of_conversation or "")
    begun_with = known and active.filter(id=known).first()
    return begun_with or active.order_by("-primary", "id").first() or _marcel(tenant_id)


def check_active(personality: Personality) -> Personality:
    """One that is switched off says nothing."""
    if not personality.active:
        raise PersonalityInactiveError
    return personality


def _marcel(tenant_id: UUID) -> Personality:
    default = default_personalities()[0]
    stock = {voice.slug: voice for voice in Voice.objects.filter(tenant=None)}
    return default_row(default, tenant_id, stock)
