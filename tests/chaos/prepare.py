"""python -m tests.chaos.prepare TENANTS: tables, tenants, voices; prints the keys as JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import django
from django.core.management import call_command
from django.db import connection

from tests.chaos.workload import VOICE

if TYPE_CHECKING:
    from collections.abc import Mapping

UNIQUE = (
    "SELECT conname FROM pg_constraint WHERE conrelid = 'jobs_usage'::regclass AND contype = 'u'"
)


def make_voices() -> None:
    from voices.models import Binding, Revision, Voice
    from voices.stock import load_stock_voices

    load_stock_voices()
    voice = Voice.objects.create(slug=VOICE, name="Echo", language="en")
    revision = Revision.objects.create(voice=voice, number=1, state=Revision.State.PUBLISHED)
    Binding.objects.create(revision=revision, engine="echo", model="echo")


def make_tenants(weights: Mapping[str, float]) -> dict[str, str]:
    """Tenants by name and weight, and the token of each."""
    from tenants.models import Tenant, Tier
    from tenants.services import issue_key

    tier = Tier.objects.create(slug="chaos", name="Chaos", max_running=64)
    tenants = [
        Tenant.objects.create(slug=slug, name=slug.title(), tier=tier, weight=weight)
        for slug, weight in weights.items()
    ]
    return {tenant.slug: issue_key(tenant=tenant, name="chaos").token for tenant in tenants}


def drop_second_line() -> None:
    """That usage is unique would hide from the counter-proof that a job is billed twice."""
    with connection.cursor() as cursor:
        cursor.execute(UNIQUE)
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE jobs_usage DROP CONSTRAINT "{name}"')


def main() -> None:
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    make_voices()
    if "--unfenced" in sys.argv:
        drop_second_line()
    print(json.dumps(make_tenants(json.loads(sys.argv[1]))))


if __name__ == "__main__":
    main()
