"""Keys in the admin: a token is shown once and stored nowhere; limits say what the tier allows."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from tenants.admin.keys import SCOPE_WORDS
from tenants.callers import find_caller, forget_callers
from tenants.models import ApiKey, Tenant
from tenants.scopes import ALL_SCOPES, Scope
from tenants.services import digest, issue_key, revoke_key

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

TOKEN = re.compile(r"vm_[a-z0-9]{12}_[\w-]{40,}")


def issue(client: Client, tenant: Tenant, **fields: object) -> Any:
    path = reverse("admin:tenants_tenant_issue_key", args=[tenant.id])
    answer = client.post(path, {"name": "web shop", "scopes": list(ALL_SCOPES)} | fields)
    assert answer.status_code == 200
    return answer


def token_in(answer: Any) -> str:
    found = TOKEN.findall(answer.content.decode())
    assert len(set(found)) == 1
    return str(found[0])


def rotate_path(key: ApiKey) -> str:
    return reverse("admin:tenants_apikey_rotate", args=[key.id])


def revoke_path(key: ApiKey) -> str:
    return reverse("admin:tenants_apikey_revoke", args=[key.id])


def change_path(tenant: Tenant) -> str:
    return reverse("admin:tenants_tenant_change", args=[tenant.id])


def test_an_issued_key_works_and_its_token_is_shown_once(
    admin_client: Client, tenant: Tenant
) -> None:
    answer = issue(admin_client, tenant, scopes=[Scope.JOBS_READ.value])
    token = token_in(answer)
    caller = find_caller(token)
    assert caller is not None
    assert (caller.tenant_id, set(caller.scopes)) == (tenant.id, {"jobs:read"})
    assert "no-store" in answer.headers["Cache-Control"]
    assert token not in admin_client.get(change_path(tenant)).content.decode()


def test_only_the_fingerprint_of_a_token_is_stored(admin_client: Client, tenant: Tenant) -> None:
    token = token_in(issue(admin_client, tenant))
    secret = token.split("_", 2)[2]
    assert ApiKey.objects.get().secret_sha256 == digest(secret)
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            rows = f'SELECT count(*) FROM "{table}" AS t WHERE t::text LIKE %s'  # noqa: S608 - names
            cursor.execute(rows, [f"%{secret}%"])
            assert cursor.fetchone() == (0,), table
    assert all(secret not in str(session.get_decoded()) for session in Session.objects.all())


def test_a_key_needs_a_name_and_something_it_may_do(admin_client: Client, tenant: Tenant) -> None:
    issue(admin_client, tenant, name="")
    issue(admin_client, tenant, scopes=[])
    issue(admin_client, tenant, scopes=["everything"])
    assert not ApiKey.objects.exists()


def test_a_rotated_key_works_on_for_a_week(admin_client: Client, tenant: Tenant) -> None:
    old = issue_key(tenant=tenant, name="call centre", scopes=["voices:read"])
    new = find_caller(token_in(admin_client.post(rotate_path(old.key))))
    assert new is not None
    assert new.scopes == {"voices:read"}
    assert find_caller(old.token) is not None
    old.key.refresh_from_db()
    assert old.key.expires_at is not None
    assert timedelta(days=6) < old.key.expires_at - timezone.now() <= timedelta(days=7)
    assert "expires in 6 days" in admin_client.get(change_path(tenant)).content.decode()


def test_a_third_live_key_of_one_name_is_refused_with_a_reason(
    admin_client: Client, tenant: Tenant
) -> None:
    old = issue_key(tenant=tenant, name="call centre")
    admin_client.post(rotate_path(old.key))
    answer = admin_client.post(rotate_path(old.key), follow=True)
    assert "revoke one before you rotate again" in answer.content.decode()
    assert ApiKey.objects.count() == 2


def test_a_revoked_key_is_dead_and_cannot_be_rotated_back(
    admin_client: Client, tenant: Tenant
) -> None:
    issued = issue_key(tenant=tenant, name="lost laptop")
    answer = admin_client.post(revoke_path(issued.key), follow=True)
    assert "“lost laptop” is revoked." in answer.content.decode()
    forget_callers()
    assert find_caller(issued.token) is None
    answer = admin_client.post(rotate_path(issued.key), follow=True)
    assert "This key no longer works" in answer.content.decode()
    assert ApiKey.objects.count() == 1


def test_what_is_done_to_keys_is_written_down_without_their_tokens(
    admin_client: Client, tenant: Tenant
) -> None:
    token = token_in(issue(admin_client, tenant))
    key = ApiKey.objects.get()
    admin_client.post(rotate_path(key))
    admin_client.post(revoke_path(key))
    notes = " ".join(LogEntry.objects.values_list("change_message", flat=True))
    assert [word for word in ("Issued", "Rotated", "Revoked") if word in notes] == [
        "Issued",
        "Rotated",
        "Revoked",
    ]
    assert token.split("_", 2)[2] not in notes


def test_a_link_neither_rotates_nor_revokes(admin_client: Client, tenant: Tenant) -> None:
    key = issue_key(tenant=tenant, name="web shop").key
    assert admin_client.get(rotate_path(key)).status_code == 405
    assert admin_client.get(revoke_path(key)).status_code == 405
    key.refresh_from_db()
    assert (key.revoked_at, key.expires_at) == (None, None)


def test_the_tenants_page_tells_each_keys_state(admin_client: Client, tenant: Tenant) -> None:
    issue_key(tenant=tenant, name="fresh")
    revoke_key(key=issue_key(tenant=tenant, name="gone").key)
    old = issue_key(tenant=tenant, name="old").key
    ApiKey.objects.filter(id=old.id).update(expires_at=timezone.now() - timedelta(days=1))
    shown = admin_client.get(change_path(tenant)).content.decode()
    for state in (">live<", ">revoked<", ">expired<"):
        assert state in shown
    assert shown.count(revoke_path(old)) == 0


def test_every_scope_is_told_in_words() -> None:
    assert set(SCOPE_WORDS) == set(Scope)


def test_an_empty_limit_shows_what_the_tier_allows(admin_client: Client, tenant: Tenant) -> None:
    shown = admin_client.get(change_path(tenant)).content.decode()
    assert "Empty: 200,000, as in Enterprise." in shown
    assert 'placeholder="256"' in shown


def test_limits_and_tier_are_saved_and_the_short_name_is_not(
    admin_client: Client, tenant: Tenant
) -> None:
    form = {
        "name": "Acme & Sons",
        "slug": "stolen",
        "tier": tenant.tier_id,
        "active": "on",
        "max_running": "3",
        "keys-TOTAL_FORMS": "0",
        "keys-INITIAL_FORMS": "0",
        "people-TOTAL_FORMS": "0",
        "people-INITIAL_FORMS": "0",
    }
    assert admin_client.post(change_path(tenant), form).status_code == 302
    tenant.refresh_from_db()
    assert (tenant.name, tenant.slug, tenant.max_running) == ("Acme & Sons", "acme", 3)
    assert (tenant.max_queued, tenant.commercial) == (None, False)
