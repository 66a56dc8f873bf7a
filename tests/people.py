"""People for tests: added to a tenant, signed in, and with the token that a page has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.test import Client

from tenants.audit import PLATFORM
from tenants.people import add_person

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from tenants.models import Membership, Tenant
    from tenants.roles import Role


def somebody(tenant: Tenant, role: Role) -> tuple[Client, Membership]:
    """A person of the tenant's, at a browser."""
    welcome = add_person(tenant=tenant, name=role.value, role=role, actor=PLATFORM)
    return signed_in(welcome.person.user), welcome.person


def signed_in(user: User) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def page_token(client: Client) -> dict[str, str]:
    """As a page of the admin has it."""
    client.get("/admin/login/?next=/")
    client.get("/admin/password_change/")
    return {"X-CSRFToken": client.cookies["csrftoken"].value}
