"""Adding a voice in the admin: a tenant's people for theirs, the platform's staff for any."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test import Client
from django.urls import reverse

from tenants import people
from tenants.audit import PLATFORM
from tenants.models import AuditLine, Tenant
from tenants.roles import Role
from tests.conftest import make_tenant
from tests.speech import make_voice
from voices.models import Voice

pytestmark = pytest.mark.django_db

ADD = "/admin/voices/voice/add/"


def form_for(tenant: Tenant | None = None, slug: str = "brand") -> dict[str, str]:
    own = {"name": "Brand", "slug": slug, "language": "en-GB", "gender": "female"}
    inline = {f"revisions-{one}_FORMS": "0" for one in ("TOTAL", "INITIAL")}
    return own | inline | ({"tenant": str(tenant.id)} if tenant else {})


def operator(client: Client, *permissions: str) -> Client:
    user = User.objects.create_user("operator", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def errors_of(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.context["adminform"].form.errors)


def test_staff_add_a_voice_for_the_tenant_they_choose_and_it_is_written_down(
    tenant: Tenant, admin_client: Client
) -> None:
    other = make_tenant("other")
    answer = admin_client.post(ADD, form_for(other))
    made = Voice.objects.get()
    assert (made.tenant_id, made.slug, made.status) == (other.id, "brand", "none")
    assert (made.name, made.language, made.gender) == ("Brand", "en-GB", "female")
    assert answer.status_code == 302
    line = AuditLine.objects.get(action="voice.created")
    assert (line.tenant_id, line.object_id, line.object_name) == (other.id, str(made.id), "brand")
    assert (line.actor_kind, line.actor_name) == ("staff", "admin")
    assert admin_client.get(f"/admin/voices/voice/{made.id}/change/").status_code == 200


def test_staff_must_say_whose_it_is(tenant: Tenant, admin_client: Client) -> None:
    for whose in ("", "00000000-0000-0000-0000-000000000000"):
        errors = errors_of(admin_client.post(ADD, form_for() | {"tenant": whose}))
        assert "<li>tenant" in errors, whose
    assert admin_client.post(ADD, form_for() | {"tenant": "nobody"}).status_code == 422
    assert not Voice.objects.exists()


def test_the_tenants_limits_hold_for_staff_as_well(tenant: Tenant, admin_client: Client) -> None:
    none, one = make_tenant("none", custom_voices=0), make_tenant("one", custom_voices=1)
    assert "no voices of" in errors_of(admin_client.post(ADD, form_for(none)))
    assert admin_client.post(ADD, form_for(one)).status_code == 302
    assert "as many custom voices as it may have: 1" in errors_of(
        admin_client.post(ADD, form_for(one, "second"))
    )
    assert list(Voice.objects.values_list("tenant", "slug")) == [(one.id, "brand")]


def test_a_short_name_is_free_where_neither_the_tenant_nor_the_stock_has_it(
    tenant: Tenant, admin_client: Client
) -> None:
    make_voice("stock-one")
    make_voice("theirs", tenant=make_tenant("other"))
    make_voice("ours", tenant=tenant)
    for slug in ("stock-one", "ours"):
        assert errors_of(admin_client.post(ADD, form_for(tenant, slug))), slug
    assert admin_client.post(ADD, form_for(tenant, "theirs")).status_code == 302


def test_a_tenants_people_add_to_their_own_whatever_they_send(tenant: Tenant) -> None:
    other = make_tenant("other")
    added = people.add_person(tenant=tenant, name="ann", role=Role.EDITOR, actor=PLATFORM)
    client = Client()
    client.force_login(added.person.user)
    assert 'name="tenant"' not in client.get(ADD).content.decode()
    assert client.post(ADD, form_for(other)).status_code == 302
    assert Voice.objects.get().tenant_id == tenant.id
    line = AuditLine.objects.get(action="voice.created")
    assert (line.tenant_id, line.actor_name) == (tenant.id, "ann@acme")


def test_staff_without_the_permission_add_none(tenant: Tenant, client: Client) -> None:
    operator(client, "view_voice", "change_voice")
    assert client.get(ADD).status_code == 403
    assert client.post(ADD, form_for(tenant)).status_code == 403
    assert ADD not in client.get(reverse("admin:voices_voice_changelist")).content.decode()
    assert not Voice.objects.exists()


def test_staff_with_the_permission_alone_add_one(tenant: Tenant, client: Client) -> None:
    operator(client, "view_voice", "add_voice", "view_tenant")
    assert 'name="tenant"' in client.get(ADD).content.decode()
    assert client.post(ADD, form_for(tenant)).status_code == 302
    assert Voice.objects.get().tenant_id == tenant.id


@pytest.mark.django_db(transaction=True)
def test_of_two_who_add_the_last_voice_allowed_one_does(admin_user: User) -> None:
    tenant = make_tenant("one", custom_voices=1)
    together = threading.Barrier(2)

    def add(slug: str) -> int:
        client = Client()
        client.force_login(admin_user)
        together.wait()
        try:
            return client.post(ADD, form_for(tenant, slug)).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(add, ("first", "second"))) == [200, 302]
    assert Voice.objects.count() == 1
