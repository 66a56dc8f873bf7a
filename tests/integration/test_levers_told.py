"""Who held up a queue or a worker, or switched a webhook off, stands in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.urls import reverse

from jobs.models import Queue, Worker
from jobs.services import steering, workers
from jobs.webhooks.endpoints import create_endpoint, note_failure
from jobs.webhooks.models import Endpoint
from tenants.models import AuditLine
from tests.ledger import a_worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db

FAR = "gpu-7." + "x" * 114
LEVERS: list[tuple[Callable[..., bool], str]] = [
    (steering.pause_queue, "cpu"),
    (steering.resume_queue, "cpu"),
    (workers.drain_worker, FAR),
    (workers.resume_worker, FAR),
]


def told() -> list[tuple[str, str, str, str]]:
    """The platform's lines, oldest first."""
    lines = AuditLine.objects.filter(tenant=None).order_by("id")
    return [(one.action, one.object_kind, one.object_name, one.actor_name) for one in lines]


def pull(client: Client, word: str, kind: str, name: str) -> int:
    return client.post(reverse(f"operations_{word}_{kind}", args=[name])).status_code


def held_up() -> tuple[bool, bool]:
    return Queue.objects.get(name="cpu").paused, Worker.objects.get().drain_asked_at is not None


def test_each_lever_of_the_operations_page_tells_who_pulled_it(admin_client: Client) -> None:
    a_worker(name=FAR)
    for word, kind, name in (
        ("pause", "queue", "cpu"),
        ("pause", "queue", "cpu"),  # which changes nothing
        ("resume", "queue", "cpu"),
        ("drain", "worker", FAR),
        ("drain", "worker", FAR),
        ("resume", "worker", FAR),
        ("drain", "worker", "gone@nowhere"),
    ):
        assert pull(admin_client, word, kind, name) == 302
    assert told() == [
        ("queue.paused", "queue", "cpu", "admin"),
        ("queue.resumed", "queue", "cpu", "admin"),
        ("worker.drained", "worker", FAR, "admin"),
        ("worker.resumed", "worker", FAR, "admin"),
    ]
    assert set(AuditLine.objects.values_list("actor_kind", flat=True)) == {"staff"}


def test_the_list_of_queues_tells_who_paused_which(admin_client: Client) -> None:
    workers.ensure_queues(["cpu", "media", "net"])
    for action in ("pause", "resume"):
        chosen = {"action": action, "_selected_action": ["cpu", "net"]}
        admin_client.post(reverse("admin:jobs_queue_changelist"), chosen)
    deeds = [(deed, name) for deed, _, name, _ in told()]
    assert [actor for *_, actor in told()] == ["admin"] * 4
    assert sorted(deeds[:2]) == [("queue.paused", "cpu"), ("queue.paused", "net")]
    assert sorted(deeds[2:]) == [("queue.resumed", "cpu"), ("queue.resumed", "net")]


def test_who_may_not_pull_a_lever_leaves_no_line(client: Client) -> None:
    a_worker(name=FAR)
    onlooker = User.objects.create_user("onlooker", is_staff=True)
    seen = Permission.objects.filter(codename__in=["view_queue", "view_worker"])
    onlooker.user_permissions.set(seen)
    client.force_login(onlooker)
    assert pull(client, "pause", "queue", "cpu") == 403
    assert pull(client, "drain", "worker", FAR) == 403
    assert (told(), held_up()) == ([], (False, False))


def test_a_lever_pulled_by_no_person_is_pulled_by_the_platform(db: None) -> None:
    a_worker(name=FAR)
    for lever, name in LEVERS:
        assert lever(name=name)
    assert [actor for *_, actor in told()] == ["Voicemill"] * len(LEVERS)


@pytest.mark.parametrize(("lever", "name"), LEVERS)
def test_without_its_line_a_lever_does_not_move(lever: Any, name: str) -> None:
    a_worker(name=FAR)
    if lever in {steering.resume_queue, workers.resume_worker}:
        Queue.objects.update(paused=True)
        Worker.objects.update(drain_asked_at=Now())
    before = held_up()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tenants_auditline ADD CHECK (action LIKE 'other%') NOT VALID")
    with pytest.raises(IntegrityError):
        lever(name=name)
    assert held_up() == before


def test_a_webhook_that_is_given_up_tells_its_tenant_why(tenant: Tenant) -> None:
    made = create_endpoint(tenant_id=tenant.id, url="https://1.1.1.1/hook")
    for _ in range(2):
        with transaction.atomic():
            note_failure(made.id, gone=True)
    assert not Endpoint.objects.get(id=made.id).active
    line = AuditLine.objects.get(action="webhook.switched_off")
    assert (line.tenant_id, line.object_id) == (tenant.id, str(made.id))
    assert (line.actor_kind, line.detail) == ("platform", {"reason": "gone"})
