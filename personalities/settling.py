"""Giving each tenant the default personalities, once.

It happens when somebody first looks at a tenant's personalities, however that tenant was made: in
the admin, by a program, by a process that runs older code, or long before there were any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, OuterRef

from jobs.services.accept import new_job_id
from personalities.defaults import DefaultPersonality, default_personalities
from personalities.models import Personality, Settled
from tenants.audit import PLATFORM, record
from tenants.models import Tenant
from voices.models import Voice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID


def settle(tenant_id: UUID) -> None:
    """One small look-up when it was done before. Of several at once, the others wait for one."""
    if not Settled.objects.filter(tenant_id=tenant_id).exists():
        _settle(tenant_id)


def settle_all() -> None:
    """Every tenant that nobody has looked at yet."""
    settled = Settled.objects.filter(tenant_id=OuterRef("id"))
    for tenant_id in Tenant.objects.filter(~Exists(settled)).values_list("id", flat=True):
        _settle(tenant_id)


@transaction.atomic
def _settle(tenant_id: UUID) -> None:
    _, first = Settled.objects.get_or_create(tenant_id=tenant_id)
    if not first:
        return
    ids = sorted(new_job_id() for _ in default_personalities())
    stock = {voice.slug: voice for voice in Voice.objects.filter(tenant=None)}
    for number, (made_id, default) in enumerate(zip(ids, default_personalities(), strict=True)):
        row = default_row(default, tenant_id, stock)
        row.id, row.primary = made_id, number == 0
        row.save(force_insert=True)
    names = [default.slug for default in default_personalities()]
    record(PLATFORM, "personality.settled", tenant_id=tenant_id, kind="personality", slugs=names)


def default_row(
    default: DefaultPersonality, tenant_id: UUID, stock: Mapping[str, Voice]
) -> Personality:
    """As it would stand in the database. A stock voice that is not here is none."""
    portrait = default.portrait
    return Personality(
        tenant_id=tenant_id,
        slug=default.slug,
        name=portrait.name,
        role=portrait.role,
        description=default.description,
        greeting=portrait.greeting,
        traits=portrait.traits.as_json(),
        style=portrait.style.as_json(),
        system_prompt=portrait.system_prompt,
        voice=stock.get(default.voice),
        fallback_voice=stock.get(default.fallback),
    )
