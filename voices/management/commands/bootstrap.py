"""manage.py bootstrap: migrate, load what every installation has, and hand out a way in."""

from __future__ import annotations

import json
import os
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction

from jobs.services.workers import ensure_queues
from tenants.audit import PLATFORM, record
from tenants.callers import find_caller
from tenants.models import Tenant
from tenants.services import create_tenant, issue_key
from voices.stock import load_stock_voices

TENANT, ADMIN = "local", "admin"
KNOWN_KEY, KNOWN_PASSWORD = "BOOTSTRAP_API_KEY", "BOOTSTRAP_ADMIN_PASSWORD"


class Command(BaseCommand):
    help = (
        "Make the database ready; the last line is JSON with a key and a way into the admin."
        f" {KNOWN_KEY} and {KNOWN_PASSWORD} of the environment are kept where they still work."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        ensure_queues(list(settings.QUEUES))
        load_stock_voices()
        way_in = {
            "tenant": TENANT,
            "api_key": ensure_key(os.environ.get(KNOWN_KEY, "")),
            "admin_user": ADMIN,
            "admin_password": ensure_admin(os.environ.get(KNOWN_PASSWORD, "")),
        }
        self.stdout.write(json.dumps(way_in))


def ensure_key(known: str) -> str:
    """The known key where it works, else a new one of the tenant `local`."""
    if known and find_caller(known):
        return known
    tenant = Tenant.objects.filter(slug=TENANT).first() or create_tenant(
        slug=TENANT, name="This machine", tier="enterprise", commercial=False
    )
    return issue_key(tenant=tenant, name="make run").token


@transaction.atomic
def ensure_admin(known: str) -> str:
    """The known password where it works, else a new one."""
    user, _ = User.objects.get_or_create(
        username=ADMIN, defaults={"is_staff": True, "is_superuser": True}
    )
    if known and user.check_password(known):
        return known
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.save(update_fields=["password"])
    record(
        PLATFORM, "user.password_set", tenant_id=None, kind="user", object_id=user.pk, name=ADMIN
    )
    return password
