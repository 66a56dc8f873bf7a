"""Passwords that are changed: told in the log, never in words; the old one is asked for in turn."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.test import Client, RequestFactory
from django.urls import reverse

from tenants import people
from tenants.admin.own_password import OwnPasswordForm
from tenants.audit import PLATFORM
from tenants.models import AuditLine, SignInTries, Tenant
from tenants.roles import Role
from tests.signing_in import CHANGE, knock, let_the_time_pass, spend
from voices.management.commands.bootstrap import KNOWN_KEY, KNOWN_PASSWORD

pytestmark = pytest.mark.django_db

OLD, NEW, WRONG = "the old one, 1", "the new one, 2", "a wrong one, 3"
NO_LINE = "ALTER TABLE tenants_auditline ADD CHECK (action NOT LIKE '%%password%%') NOT VALID"


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_superuser("operator", password=OLD)


@pytest.fixture
def inside(operator: User) -> Client:
    client = Client()
    client.force_login(operator)
    return client


def change(client: Client, old: str = OLD, new: str = NEW, again: str = "") -> Any:
    form = {"old_password": old, "new_password1": new, "new_password2": again or new}
    return client.post(CHANGE, form, REMOTE_ADDR="192.0.2.1")


def set_password(client: Client, user: User, new: str = NEW, again: str = "") -> Any:
    form = {"password1": new, "password2": again or new, "usable_password": "true"}
    return client.post(reverse("admin:auth_user_password_change", args=[user.pk]), form)


def told(**of: Any) -> list[tuple[str, str, str, dict[str, Any]]]:
    lines = AuditLine.objects.filter(action__contains="password", **of).order_by("id")
    return [(one.action, one.actor_name, one.object_name, one.detail) for one in lines]


def everything_told() -> str:
    return str(list(AuditLine.objects.values())) + str(list(SignInTries.objects.values()))


def test_staff_who_change_their_password_are_told_of_and_stay_signed_in(
    operator: User, inside: Client
) -> None:
    elsewhere = Client()
    elsewhere.force_login(operator)
    assert change(inside)["Location"] == reverse("admin:password_change_done")
    assert told(tenant=None) == [("person.password_changed", "operator", "operator", {})]
    assert inside.get("/admin/").status_code == 200
    assert elsewhere.get("/admin/").status_code == 302
    assert [knock("operator", one).status_code for one in (OLD, NEW)] == [200, 302]


def test_a_tenants_person_who_changes_the_password_is_told_of_in_its_log(tenant: Tenant) -> None:
    added = people.add_person(tenant=tenant, name="ann", role=Role.VIEWER, actor=PLATFORM)
    client = Client()
    client.force_login(added.person.user)
    assert change(client, added.password).status_code == 302
    assert told(tenant=tenant) == [("person.password_changed", "ann@acme", "ann@acme", {})]


def test_staff_who_set_somebodys_password_are_told_of(tenant: Tenant, inside: Client) -> None:
    added = people.add_person(tenant=tenant, name="ann", role=Role.VIEWER, actor=PLATFORM)
    visitor = Client()
    visitor.force_login(added.person.user)
    assert set_password(inside, added.person.user, again=WRONG).status_code == 200
    assert told() == []
    assert set_password(inside, added.person.user).status_code == 302
    assert told(tenant=tenant) == [("user.password_set", "operator", "ann@acme", {})]
    assert visitor.get("/admin/").status_code == 302
    assert knock("ann@acme", NEW).status_code == 302


def test_a_password_that_is_taken_away_is_told_of(inside: Client) -> None:
    other = User.objects.create_superuser("other", password=OLD)
    path = reverse("admin:auth_user_password_change", args=[other.pk])
    inside.post(path, {"usable_password": "false", "unset-password": "yes"})
    assert told(tenant=None) == [("user.password_set", "operator", "other", {})]
    assert knock("other", OLD).status_code == 200


def test_who_may_set_nobodys_password_leaves_no_line(operator: User, client: Client) -> None:
    onlooker = User.objects.create_user("onlooker", is_staff=True)
    onlooker.user_permissions.set(Permission.objects.filter(codename="view_user"))
    client.force_login(onlooker)
    path = "/admin/auth/user/{}/password/"
    for one in (operator.pk, 4711, "nobody"):
        answer = client.post(path.format(one), {"password1": NEW, "password2": NEW})
        assert answer.status_code in {403, 404}, one
    assert told() == []


def test_a_password_that_the_platform_makes_is_told_of_and_one_that_it_keeps_is_not(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        said = io.StringIO()
        call_command("bootstrap", stdout=said)
        way_in = json.loads(said.getvalue().splitlines()[-1])
        monkeypatch.setenv(KNOWN_KEY, way_in["api_key"])
        monkeypatch.setenv(KNOWN_PASSWORD, way_in["admin_password"])
    assert told(tenant=None) == [("user.password_set", "Voicemill", "admin", {})]
    assert way_in["admin_password"] not in everything_told()


def test_no_password_is_written_down(operator: User, inside: Client) -> None:
    change(inside, WRONG)
    change(inside)
    set_password(inside, operator, WRONG)
    assert len(told()) == 3
    for secret in (OLD, NEW, WRONG, User.objects.get().password):
        assert secret not in everything_told()


@pytest.mark.parametrize("by", ["own", "staff"])
def test_without_its_line_no_password_is_changed(operator: User, inside: Client, by: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(NO_LINE)
    with pytest.raises(IntegrityError):
        change(inside) if by == "own" else set_password(inside, operator)
    assert User.objects.get().check_password(OLD)


@pytest.mark.parametrize("deed", [people.renew_password, people.remove_person])
def test_who_is_shut_out_meanwhile_is_not_let_in_by_the_page(tenant: Tenant, deed: Any) -> None:
    people.add_person(tenant=tenant, name="boss", role=Role.OWNER, actor=PLATFORM)
    added = people.add_person(tenant=tenant, name="ann", role=Role.VIEWER, actor=PLATFORM)
    form = {"old_password": added.password, "new_password1": NEW, "new_password2": NEW}
    visitor = User.objects.get(pk=added.person.user_id)
    page = OwnPasswordForm(visitor, form, request=RequestFactory().post(CHANGE))
    assert page.is_valid()
    deed(person=added.person, actor=PLATFORM)
    with pytest.raises(PermissionDenied):
        page.save()
    after = User.objects.get(pk=visitor.pk)
    assert not after.check_password(NEW)
    assert after.is_active is (deed is people.renew_password)
    assert not [action for action, *_ in told() if action == "person.password_changed"]


def test_after_five_wrong_old_passwords_even_the_right_one_waits(inside: Client) -> None:
    spend(3, "operator")
    for _ in range(2):
        assert change(inside, WRONG).status_code == 200
    refused = change(inside)
    assert (refused.status_code, 880 <= int(refused["Retry-After"]) <= 900) == (429, True)
    assert "try again in 15 min" in refused.content.decode()
    assert change(inside).status_code == 429
    failed, blocked = "password_change.failed", "password_change.blocked"
    where = {"address": "192.0.2.1"}
    assert told() == [
        *[(failed, "Somebody", "operator", where)] * 2,
        (blocked, "Somebody", "operator", where),
    ]
    let_the_time_pass(15.1)
    assert change(inside).status_code == 302


def test_the_door_and_the_page_count_together_and_a_success_resets_both(inside: Client) -> None:
    spend(4, "operator")
    assert change(inside).status_code == 302
    spend(4, "operator")
    assert change(inside, WRONG).status_code == 200
    assert knock("operator", NEW, address="198.51.100.7").status_code == 429


def test_an_address_has_its_tries_at_the_page_as_well(inside: Client) -> None:
    spend(20)
    assert change(inside).status_code == 429


def test_the_right_old_password_counts_for_nobody_whatever_the_new_one_is(inside: Client) -> None:
    for _ in range(2):
        spend(4, "operator")
        assert change(inside, again=WRONG).status_code == 200
    assert told() == []
    assert change(inside).status_code == 302


def test_a_form_without_the_old_password_is_no_try(inside: Client) -> None:
    for _ in range(6):
        assert change(inside, "").status_code == 200
    assert not SignInTries.objects.exists()
