"""Makes the database of a comparison ready; prints the keys and tenants it can be used with."""

from __future__ import annotations

import json

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402

from jobs.services.workers import ensure_queues  # noqa: E402
from tenants.models import Tier  # noqa: E402
from tenants.services import create_tenant, issue_key  # noqa: E402
from tests.bench.venvs import VOICE  # noqa: E402
from voices.models import Binding, Revision, Voice  # noqa: E402
from voices.stock import load_stock_voices  # noqa: E402

TENANTS = ("first", "second")
MANY = 1_000_000


def make_tenant(slug: str) -> dict[str, str]:
    """Without a ceiling that a measurement could meet."""
    tenant = create_tenant(slug=slug, name=slug, tier="bench")
    return {"id": str(tenant.id), "key": issue_key(tenant=tenant, name="bench").token}


def make_voice() -> None:
    voice = Voice.objects.create(slug=VOICE, name=VOICE, language="en-US")
    revision = Revision.objects.create(voice=voice, number=1, state=Revision.State.PUBLISHED)
    Binding.objects.create(revision=revision, engine="piper", model=VOICE)


def main() -> None:
    call_command("migrate", verbosity=0, interactive=False)
    load_stock_voices()
    ensure_queues(list(settings.QUEUES))
    Tier.objects.create(slug="bench", name="Bench", max_running=MANY, max_queued=MANY)
    make_voice()
    print(json.dumps({slug: make_tenant(slug) for slug in TENANTS}))


if __name__ == "__main__":
    main()
