"""A tenant's people: let in, given roles, locked out; a tenant that has people keeps an owner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connections, transaction
from django.db.models import ProtectedError
from django.test import Client
from django.urls import reverse

from tenants import people
from tenants.audit import PLATFORM
from tenants.models import AuditLine, Membership, Tenant
from tenants.roles import Role
from tests.conftest import make_tenant
from tests.ledger import eventually, refusals, someone_waits

pytestmark = pytest.mark.django_db


def add(tenant: Tenant, name: str, role: Role = Role.OWNER) -> people.Welcome:
    return people.add_person(tenant=tenant, name=name, role=role, actor=PLATFORM)


def signs_in(name: str, password: str) -> bool:
    client = Client()
    form = {"username": name, "password": password}
    return client.post("/admin/login/", form).status_code == 302


def test_who_is_added_signs_in_with_a_password_that_is_stored_nowhere(tenant: Tenant) -> None:
    welcome = add(tenant, "ann")
    assert signs_in("ann@acme", welcome.password)
    user = User.objects.get(username="ann@acme")
    assert (user.is_staff, user.is_superuser) == (False, False)
    lines = AuditLine.objects.filter(action="person.added")
    assert lines.get().object_name == "ann@acme"
    assert welcome.password not in str(list(AuditLine.objects.values()))


def test_one_name_in_two_tenants_is_two_people(tenant: Tenant) -> None:
    first, second = add(tenant, "ann"), add(make_tenant("other"), "ann")
    assert first.person.user_id != second.person.user_id
    with pytest.raises(people.NameTakenError):
        add(tenant, "ann")


@pytest.mark.parametrize("name", ["", "ann@other", "a b", "x" * 61, "../ann", "<b>", "ann\n"])
def test_a_name_that_could_be_another_is_refused(tenant: Tenant, name: str) -> None:
    with pytest.raises(people.NameRefusedError):
        add(tenant, name)


def test_who_is_removed_is_out_at_once_and_may_come_back(tenant: Tenant) -> None:
    add(tenant, "boss")
    welcome = add(tenant, "ann", Role.EDITOR)
    client = Client()
    client.force_login(welcome.person.user)
    assert client.get("/admin/").status_code == 200
    people.remove_person(person=welcome.person, actor=PLATFORM)
    assert client.get("/admin/").status_code == 302
    assert not signs_in("ann@acme", welcome.password)
    again = add(tenant, "ann", Role.VIEWER)
    assert again.person.user_id == welcome.person.user_id
    assert signs_in("ann@acme", again.password)


def test_a_new_password_ends_the_old_one_and_its_sessions(tenant: Tenant) -> None:
    welcome = add(tenant, "ann")
    client = Client()
    assert client.login(username="ann@acme", password=welcome.password)
    renewed = people.renew_password(person=welcome.person, actor=PLATFORM)
    assert client.get("/admin/").status_code == 302
    assert not signs_in("ann@acme", welcome.password)
    assert signs_in("ann@acme", renewed.password)


def test_the_people_of_a_tenant_that_is_switched_off_are_out(tenant: Tenant) -> None:
    welcome = add(tenant, "ann")
    client = Client()
    client.force_login(welcome.person.user)
    Tenant.objects.filter(id=tenant.id).update(active=False)
    assert client.get("/admin/").status_code == 302
    assert not signs_in("ann@acme", welcome.password)


def test_the_last_owner_is_neither_removed_nor_made_less(tenant: Tenant) -> None:
    owner = add(tenant, "ann").person
    add(tenant, "ben", Role.EDITOR)
    with pytest.raises(people.LastOwnerError):
        people.remove_person(person=owner, actor=PLATFORM)
    with pytest.raises(people.LastOwnerError):
        people.change_role(person=owner, role=Role.VIEWER, actor=PLATFORM)
    people.change_role(person=owner, role=Role.OWNER, actor=PLATFORM)
    owner.refresh_from_db()
    assert owner.role == Role.OWNER


def test_an_owner_who_is_locked_out_does_not_count(tenant: Tenant) -> None:
    owner, other = add(tenant, "ann").person, add(tenant, "ben").person
    User.objects.filter(id=other.user_id).update(is_active=False)
    with pytest.raises(people.LastOwnerError):
        people.remove_person(person=owner, actor=PLATFORM)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("leave", ["remove", "demote"])
def test_two_owners_who_go_at_one_time_leave_one(tenant: Tenant, leave: str) -> None:
    def go(person: Membership) -> None:
        if leave == "remove":
            people.remove_person(person=person, actor=PLATFORM)
        else:
            people.change_role(person=person, role=Role.VIEWER, actor=PLATFORM)

    for number in range(2):
        owners = [add(tenant, f"{name}{number}").person for name in ("ann", "ben")]
        Membership.objects.exclude(id__in=[owner.id for owner in owners]).delete()
        refused = refusals([partial(go, owner) for owner in owners])
        assert refused == [people.LastOwnerError]
        assert Membership.objects.filter(tenant=tenant, role=Role.OWNER).count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("name", "more"), [("role", ["owner"]), ("password", []), ("remove", [])])
def test_who_was_removed_a_moment_ago_is_neither_changed_nor_let_in_again(
    tenant: Tenant, name: str, more: list[str]
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(add(tenant, "boss").person.user)
    person = add(tenant, "ann", Role.EDITOR).person
    path = reverse(f"admin:tenants_membership_{name}", args=[person.id, *more])
    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            people.remove_person(person=person, actor=PLATFORM)
            answer = other.submit(client.post, path, follow=True)
            eventually(someone_waits)
        shown = answer.result(10)
        other.submit(connections.close_all).result(10)
    assert "was removed in the meantime" in shown.content.decode()
    assert not User.objects.get(username="ann@acme").is_active
    assert AuditLine.objects.filter(object_name="ann@acme").count() == 2


def test_the_database_keeps_staff_and_a_tenants_people_apart(tenant: Tenant) -> None:
    person = add(tenant, "ann").person
    for field in ("is_staff", "is_superuser"):
        with pytest.raises(IntegrityError, match="no staff of the platform"), transaction.atomic():
            User.objects.filter(id=person.user_id).update(**{field: True})
        staff = User.objects.create(username=f"operator-{field}", **{field: True})
        with pytest.raises(IntegrityError, match="belongs to no tenant"), transaction.atomic():
            Membership.objects.create(user=staff, tenant=tenant, role=Role.OWNER)
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.filter(id=person.id).update(role="emperor")


def test_an_account_with_a_tenant_is_not_deleted_from_under_it(
    tenant: Tenant, admin_client: Client
) -> None:
    user = add(tenant, "ann").person.user
    with pytest.raises(ProtectedError):
        user.delete()
    path = reverse("admin:auth_user_delete", args=[user.id])
    assert admin_client.post(path, {"post": "yes"}).status_code == 403
    shown = admin_client.get(reverse("admin:auth_user_change", args=[user.id]))
    assert 'name="is_staff"' not in shown.content.decode()


def test_an_owner_lets_people_in_and_the_password_is_shown_once(tenant: Tenant) -> None:
    client = Client()
    client.force_login(add(tenant, "ann").person.user)
    path = reverse("admin:tenants_tenant_add_person", args=[tenant.id])
    shown = client.post(path, {"name": "ben", "role": "editor"})
    assert "no-store" in shown.headers["Cache-Control"]
    assert signs_in("ben@acme", shown.context["welcome"].password)
    page = client.get(reverse("admin:tenants_tenant_change", args=[tenant.id])).content.decode()
    assert "ben@acme" in page
    assert shown.context["welcome"].password not in page
    line = AuditLine.objects.filter(action="person.added").first()
    assert line is not None
    assert (line.actor_kind, line.actor_name) == ("person", "ann@acme")
    refused = client.post(path, {"name": "ben", "role": "viewer"}).content.decode()
    assert "Somebody of this name is here already" in refused


def test_an_owner_sees_limits_and_changes_none(tenant: Tenant) -> None:
    client = Client()
    client.force_login(add(tenant, "ann").person.user)
    path = reverse("admin:tenants_tenant_change", args=[tenant.id])
    shown = client.get(path).content.decode()
    for told in ("Enterprise", "Jobs at once: 256", "Megabytes of a sample: 10"):
        assert told in shown
    assert client.post(path, {"name": "Stolen", "max_running": "9"}).status_code == 403
    tenant.refresh_from_db()
    assert (tenant.name, tenant.max_running) == ("Acme", None)


def test_who_steps_down_as_owner_is_not_left_on_a_closed_page(tenant: Tenant) -> None:
    me = add(tenant, "ann").person
    add(tenant, "ben")
    client = Client()
    client.force_login(me.user)
    path = reverse("admin:tenants_membership_role", args=[me.id, "viewer"])
    assert client.post(path)["Location"] == "/admin/"
    assert client.post(path).status_code == 403


@pytest.mark.parametrize(
    ("address", "status", "heading"),
    [
        ("/admin/voices/voice/nothing/", 404, "There is nothing here"),
        ("/admin/tenants/tier/", 403, "This is not for your role"),
    ],
)
def test_a_page_that_is_not_there_or_not_theirs_is_told_to_people_in_words(
    tenant: Tenant, client: Client, address: str, status: int, heading: str
) -> None:
    person = add(tenant, "vi", Role.VIEWER).person
    client.force_login(person.user)
    answer = client.get(address, follow=True)
    assert answer.status_code == status
    assert heading in answer.content.decode()
