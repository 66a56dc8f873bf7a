"""The audit log: written once, for each deed, and shown to whom it concerns."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from jobs.models import Job
from jobs.webhooks.models import Delivery, Endpoint
from tenants import people
from tenants.audit import PLATFORM, of_person, record
from tenants.models import AuditLine, Tenant, Tier
from tenants.roles import Role
from tenants.services import issue_key
from tests.conftest import make_tenant
from tests.sample_place import make_workers, submit
from tests.speech import keyed, problem_of
from tests.worlds import make_world

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.models import User

pytestmark = pytest.mark.django_db

AUDIT = "/api/v1/audit"
LIST = "/admin/tenants/auditline/"


def lines(tenant_id: UUID) -> list[tuple[str, str, str]]:
    """What is told of a tenant, oldest first."""
    found = AuditLine.objects.filter(tenant_id=tenant_id).order_by("id")
    return [(line.action, line.actor_kind, line.actor_name) for line in found]


def change_form(tenant: Tenant, **fields: str) -> dict[str, str]:
    inlines = {
        f"{one}-{part}_FORMS": "0" for one in ("keys", "people") for part in ("TOTAL", "INITIAL")
    }
    return {"name": tenant.name, "tier": tenant.tier_id, "active": "on"} | inlines | fields


def test_a_line_is_neither_changed_nor_deleted(tenant: Tenant) -> None:
    record(PLATFORM, "test.done", tenant_id=tenant.id)
    with pytest.raises(IntegrityError, match="written once"), transaction.atomic():
        AuditLine.objects.filter(action="test.done").update(action="test.undone")
    with pytest.raises(IntegrityError, match="written once"), transaction.atomic():
        AuditLine.objects.filter(action="test.done").delete()
    assert AuditLine.objects.filter(action="test.done").count() == 1


def test_a_line_and_its_deed_are_one_transaction(tenant: Tenant) -> None:
    with transaction.atomic():
        issue_key(tenant=tenant, name="never")
        transaction.set_rollback(True)
    assert lines(tenant.id) == []


def test_keys_tell_who_issued_rotated_and_revoked_them(
    tenant: Tenant, admin_client: Client
) -> None:
    key = issue_key(tenant=tenant, name="web shop").key
    for deed in ("rotate", "revoke"):
        admin_client.post(reverse(f"admin:tenants_apikey_{deed}", args=[key.id]))
    admin_client.post(reverse(f"admin:tenants_apikey_{deed}", args=[key.id]))  # revoked before
    assert lines(tenant.id) == [
        ("key.issued", "platform", "Voicemill"),
        ("key.rotated", "staff", "admin"),
        ("key.revoked", "staff", "admin"),
    ]
    assert AuditLine.objects.filter(object_id=key.id, object_name="web shop").count() == 3


def test_changes_of_a_tenant_and_a_tier_tell_which_fields(
    tenant: Tenant, admin_client: Client
) -> None:
    path = reverse("admin:tenants_tenant_change", args=[tenant.id])
    form = change_form(tenant, max_running="3", sample_bytes="2.5", commercial="on")
    assert admin_client.post(path, form).status_code == 302
    assert admin_client.post(path, form).status_code == 302  # which changes nothing
    line = AuditLine.objects.get(tenant=tenant, action="tenant.changed")
    assert sorted(line.detail["fields"]) == ["max_running", "sample_bytes"]
    tenant.refresh_from_db()
    assert (tenant.max_running, tenant.sample_bytes) == (3, 2_621_440)
    assert 'value="2.5"' in admin_client.get(path).content.decode()
    tier = Tier.objects.get(slug=tenant.tier_id)
    kept = ("name", "weight", "max_running", "max_queued", "result_days")
    form = {name: str(getattr(tier, name)) for name in kept}
    form |= {"speaks": "on", "sample_bytes": "10", "clones_per_hour": "30"}
    form["trainings_per_hour"] = "7"
    path = reverse("admin:tenants_tier_change", args=[tier.slug])
    assert admin_client.post(path, form).status_code == 302
    line = AuditLine.objects.get(tenant=None, action="tier.changed")
    assert line.detail == {"fields": ["trainings_per_hour"]}


def test_what_is_done_to_jobs_and_webhooks_in_the_admin_is_written_down(db: None) -> None:
    make_workers()
    world = make_world("Ownwares")
    client, before = Client(), len(lines(world.tenant.id))
    client.force_login(world.people[Role.OWNER])
    job_id = submit(world.tenant, "Later.")
    for deed in ("cancel", "cancel", "retry"):
        client.post(reverse(f"admin:jobs_job_{deed}", args=[job_id]))
    endpoint, delivery = world.rows[Endpoint].pk, world.rows[Delivery].pk
    for page in ("jobs_endpoint_test", "jobs_endpoint_switch", "jobs_endpoint_switch"):
        client.post(reverse(f"admin:{page}", args=[endpoint]))
    Delivery.objects.filter(id=delivery).update(state="failed", ended_at="2026-01-01T00:00Z")
    client.post(reverse("admin:jobs_delivery_replay", args=[delivery]))
    told = lines(world.tenant.id)[before:]
    assert [action for action, _, _ in told] == [
        "job.cancel_asked",
        "job.retried",
        "webhook.tested",
        "webhook.switched_off",
        "webhook.switched_on",
        "delivery.replayed",
    ]
    assert {line[1:] for line in told} == {("person", "Ownwares.owner@ownwares")}
    assert Job.objects.filter(retry_of=job_id).exists()


def test_owners_read_their_own_log_and_staff_everybodys(
    tenant: Tenant, admin_client: Client, admin_user: User
) -> None:
    owner = people.add_person(tenant=tenant, name="ann", role=Role.OWNER, actor=PLATFORM)
    record(of_person(admin_user), "secret.deed", tenant_id=make_tenant("other").id)
    record(of_person(admin_user), "open.deed", tenant_id=tenant.id, fields=["weight"])
    record(PLATFORM, "nobodys.deed", tenant_id=None)
    client = Client()
    client.force_login(owner.person.user)
    own, all_of_it = (c.get(LIST).content.decode() for c in (client, admin_client))
    assert ("open.deed" in own, "secret.deed" in own, "nobodys.deed" in own) == (True, False, False)
    assert all(deed in all_of_it for deed in ("open.deed", "secret.deed", "nobodys.deed"))
    assert "fields weight" in own
    assert ">admin<" not in own


def test_the_log_is_filtered_by_deed_doer_and_day(tenant: Tenant, admin_client: Client) -> None:
    owner = people.add_person(tenant=tenant, name="ann", role=Role.OWNER, actor=PLATFORM)
    record(of_person(owner.person.user), "tea.made", tenant_id=tenant.id)
    for query, found in (
        ({"action": "tea.made"}, 1),
        ({"told_by": "ann@acme"}, 1),
        ({"told_by": "Voicemill"}, 1),
        ({"days": "0"}, 2),
        ({"action": "coffee.made"}, 0),
    ):
        answer = admin_client.get(LIST, query)
        assert len(answer.context["cl"].result_list) == found, query


def test_the_api_tells_the_tenants_own_lines_and_no_staff_by_name(
    tenant: Tenant, admin_user: User
) -> None:
    record(of_person(admin_user), "tenant.changed", tenant_id=tenant.id, fields=["weight"])
    record(PLATFORM, "other.deed", tenant_id=make_tenant("other").id)
    body = keyed(tenant).get(AUDIT).json()
    newest, oldest = body["results"]
    assert (newest["action"], oldest["action"]) == ("key.issued", "tenant.changed")
    assert oldest["actor"] == {"kind": "platform", "id": "", "name": "Voicemill"}
    assert oldest["detail"] == {"fields": ["weight"]}
    assert newest["object"]["kind"] == "key"
    only = keyed(tenant).get(f"{AUDIT}?action=tenant.changed").json()["results"]
    assert [line["id"] for line in only] == [oldest["id"]]


def test_the_api_pages_through_the_log_and_refuses_cursors_that_are_none(tenant: Tenant) -> None:
    client = keyed(tenant)
    for number in range(5):
        record(PLATFORM, f"deed.{number}", tenant_id=tenant.id)
    seen, path = [], f"{AUDIT}?limit=2"
    while path:
        page: Any = client.get(path).json()
        seen += [line["action"] for line in page["results"]]
        path = page["next"]
    assert seen == [*(f"deed.{number}" for number in reversed(range(5))), "key.issued"]
    for position in ("x", "9" * 30, "-1", "٣"):
        cursor = base64.b64encode(f"p={position}".encode()).decode()
        assert problem_of(client.get(AUDIT, {"cursor": cursor})) == (404, "not_found")


def test_the_api_asks_for_the_scope(tenant: Tenant) -> None:
    answer = keyed(tenant, scopes=["jobs:read"]).get(AUDIT)
    assert problem_of(answer) == (403, "scope_missing")
