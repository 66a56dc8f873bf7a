"""Who is signed in to the admin asks the API by role; another page than ours cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User

from tenants.audit import PLATFORM
from tenants.people import remove_person
from tenants.roles import RIGHTS, Right, Role
from tenants.scopes import ALL_SCOPES
from tenants.sessions import SCOPES, scopes_of
from tests.conftest import make_tenant
from tests.people import page_token, signed_in, somebody
from tests.speech import make_voice, problem_of

if TYPE_CHECKING:
    from django.test import Client

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db

VOICES = "/api/v1/voices"
WEBHOOKS = "/api/v1/webhooks"


@pytest.fixture
def voices(tenant: Tenant) -> None:
    make_voice("ours", tenant=tenant)
    make_voice("theirs", tenant=make_tenant("other"))


def names(client: Client, **headers: str) -> set[str]:
    answer = client.get(VOICES, headers=headers)
    assert answer.status_code == 200, answer.content
    return {voice["slug"] for voice in answer.json()}


def test_a_person_sees_the_own_tenant_whatever_tenant_is_named(
    tenant: Tenant, voices: None
) -> None:
    client, _ = somebody(tenant, Role.VIEWER)
    assert names(client) == {"ours"}
    other = make_tenant("third")
    assert names(client, **{"X-Tenant": str(other.id)}) == {"ours"}


REFUSED = {
    Role.VIEWER: "scope_missing",
    Role.EDITOR: "scope_missing",
    Role.OWNER: "webhook_url_refused",
}


@pytest.mark.parametrize("role", Role)
def test_what_a_role_may_not_is_refused_like_a_scope_that_a_key_lacks(
    tenant: Tenant, role: Role
) -> None:
    client, _ = somebody(tenant, role)
    hidden = {"url": "https://127.0.0.1/hook"}
    token = page_token(client)
    made = client.post(WEBHOOKS, hidden, content_type="application/json", headers=token)
    assert made.json()["code"] == REFUSED[role]


def test_a_change_without_the_pages_token_is_refused(tenant: Tenant) -> None:
    client, _ = somebody(tenant, Role.OWNER)
    body = {"url": "https://example.com/hook"}
    answer = client.post(WEBHOOKS, body, content_type="application/json")
    assert problem_of(answer) == (403, "page_token_missing")


def test_who_was_removed_is_nobody_at_once(tenant: Tenant) -> None:
    client, person = somebody(tenant, Role.EDITOR)
    assert client.get(VOICES).status_code == 200
    remove_person(person=person, actor=PLATFORM)
    assert client.get(VOICES).status_code == 401


def test_a_switched_off_tenants_people_are_nobody(tenant: Tenant) -> None:
    client, _ = somebody(tenant, Role.EDITOR)
    tenant.active = False
    tenant.save()
    assert client.get(VOICES).status_code == 401


def test_the_platforms_staff_names_the_tenant_it_acts_for(tenant: Tenant, voices: None) -> None:
    staff = signed_in(User.objects.create_superuser("root"))
    assert staff.get(VOICES).status_code == 401
    assert names(staff, **{"X-Tenant": str(tenant.id)}) == {"ours"}
    for nonsense in ("", "x", "0", str(User.objects.count())):
        assert staff.get(VOICES, headers={"X-Tenant": nonsense}).status_code == 401
    helper = signed_in(User.objects.create_user("helper", is_staff=True))
    assert helper.get(VOICES, headers={"X-Tenant": str(tenant.id)}).status_code == 401


def test_a_key_that_is_refused_is_not_saved_by_a_session(tenant: Tenant) -> None:
    client, _ = somebody(tenant, Role.OWNER)
    answer = client.get(VOICES, headers={"Authorization": "Bearer vm_no_key"})
    assert problem_of(answer) == (401, "key_refused")


def test_an_owner_may_all_that_a_key_may_and_no_right_is_forgotten() -> None:
    assert scopes_of(Role.OWNER) == set(ALL_SCOPES)
    assert scopes_of(Role.VIEWER) < scopes_of(Role.EDITOR) < scopes_of(Role.OWNER)
    of_editing = {Right.CONSENT, Right.CLONE, Right.PUBLISH}  # one scope with EDIT
    of_pages = {Right.KEYS, Right.PEOPLE}  # in the admin alone
    assert set(SCOPES) | of_editing | of_pages == set(Right)
    for rights in RIGHTS.values():
        assert of_editing <= rights or not {*of_editing, Right.EDIT} & rights
