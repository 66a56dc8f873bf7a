"""The operator's page: true figures, levers that work and are written down, and nothing private."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db.models.functions import Now
from django.urls import reverse

from jobs.admin.operations import health
from jobs.admin.operations.shares import forget_spenders
from jobs.measures import Sample
from jobs.models import Job, Queue, Usage, Worker
from jobs.samples import take_samples
from jobs.services.workers import Announcement, announce_worker, ensure_queues
from tenants import services as tenants
from tests.conftest import make_tenant
from tests.ledger import PERMANENT, a_worker, submit, take
from tests.sample_place import TEXTS, make_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries, Settings

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db

PAGE, NOW_PART = "/admin/operations/", "/admin/operations/now/"
CANARY = "canary-7f3d"


@pytest.fixture(autouse=True)
def _ask_anew() -> Iterator[None]:
    health._questions.cache_clear()
    forget_spenders()
    yield
    health._questions.cache_clear()


def told(client: Client) -> Any:
    return client.get(PAGE).context


def row_of(client: Client, queue: str) -> Any:
    return next(row[0] for row in told(client)["classes"] if row[0].name == queue)


def signs(client: Client) -> dict[str, Any]:
    return {sign.name: sign for sign in told(client)["health"]}


def said(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def lever(word: str, kind: str, name: str) -> str:
    return reverse(f"operations_{word}_{kind}", args=[name])


def staff(*permissions: str) -> User:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def test_an_empty_place_has_a_page(admin_client: Client) -> None:
    shown = admin_client.get(PAGE).content.decode()
    assert "No dispatcher and no worker has come yet." in shown
    assert "Nothing failed." in shown
    assert signs(admin_client)["Dispatcher"].value == "not seen yet"


def test_the_page_tells_what_waits_runs_and_fails(admin_client: Client, tenant: Tenant) -> None:
    a_worker(slots=4)
    running = take(submit(tenant), worker="cpu@nowhere")
    for _ in range(3):
        submit(tenant, cost=2.0)
    from jobs.services.claims import fail_step

    assert fail_step(take(submit(tenant)), PERMANENT)
    cpu = row_of(admin_client, "cpu")
    assert (cpu.running, cpu.slots, cpu.workers, cpu.depth, cpu.failed) == (1, 4, 1, 3, 1)
    assert (cpu.work, cpu.expected) == ("6.0 s", "1.5 s")
    context = told(admin_client)
    assert [failing.code for failing in context["failures"]] == ["unsupported"]
    (hand, _) = context["crew"][0]
    assert (hand.jobs, "alive" in hand.state) == ([running.id], True)
    (share,) = context["classes"][0][2]
    assert (share.name, share.running, share.waiting, share.seconds) == ("Acme", 1, 3, 6.0)


def test_a_share_is_measured_against_the_weights(admin_client: Client) -> None:
    light, heavy = make_tenant("light", weight=1.0), make_tenant("heavy", weight=3.0)
    a_worker(slots=4)
    for tenant in (light, light, light, heavy):
        take(submit(tenant))
    shares = {share.name: share for share in told(admin_client)["classes"][0][2]}
    assert {name: (one.has, one.fair) for name, one in shares.items()} == {
        "Light": (0.75, 0.25),
        "Heavy": (0.25, 0.75),
    }


def test_the_last_hour_is_drawn_from_samples(admin_client: Client, tenant: Tenant) -> None:
    a_worker()
    submit(tenant)
    take_samples()
    sample = Sample.objects.get(queue="cpu")
    for minutes in range(1, 20):
        Sample.objects.create(
            queue_id="cpu",
            at=sample.at - timedelta(minutes=minutes),
            depth=9,
            seconds=90.0,
            oldest=1.0,
            running=1,
            slots=1,
            done=100 - minutes,
            failed=20 - minutes,
            waits={"1": 100 - minutes, "+Inf": 100 - minutes},
        )
    Sample.objects.filter(pk=sample.pk).update(done=100, failed=20, waits={"1": 100, "+Inf": 100})
    cpu = row_of(admin_client, "cpu")
    assert (cpu.failed, cpu.waited) == (19, "0.5 s / 0.9 s")
    shown = admin_client.get(PAGE).content.decode()
    assert "work in line: between 1.0 s and 1 min 30 s, 1.0 s at the end" in shown
    assert "done: between 1 and 1, 1 at the end" in shown


def test_a_queue_is_paused_and_resumed_and_it_is_written_down(
    admin_client: Client, admin_user: User
) -> None:
    ensure_queues(["gpu.xtts"])
    for word, paused in (("pause", True), ("resume", False)):
        answer = admin_client.post(lever(word, "queue", "gpu.xtts"), follow=True)
        assert said(answer) == [f"{word.capitalize()}d: gpu.xtts."]
        assert Queue.objects.get(name="gpu.xtts").paused is paused
    entries = LogEntry.objects.filter(user=admin_user).order_by("id")
    assert [entry.change_message for entry in entries] == ["Paused.", "Resumed."]


def test_a_worker_is_drained_and_resumed_and_it_is_written_down(admin_client: Client) -> None:
    a_worker(name="gpu-7@rack-3.example.org")
    worker = Worker.objects.filter(name="gpu-7@rack-3.example.org")
    address = lever("drain", "worker", worker.get().name)
    assert said(admin_client.post(address, follow=True)) == ["Draining: gpu-7@rack-3.example.org."]
    asked_at = worker.get().drain_asked_at
    assert asked_at is not None
    again = admin_client.post(address, follow=True)
    assert said(again) == ["gpu-7@rack-3.example.org drained before."]
    assert worker.get().drain_asked_at == asked_at
    assert "drained" in told(admin_client)["crew"][0][0].state
    admin_client.post(lever("resume", "worker", worker.get().name))
    assert worker.get().drain_asked_at is None
    assert [entry.change_message for entry in LogEntry.objects.order_by("id")] == [
        "Draining.",
        "Resumed.",
    ]


@pytest.mark.parametrize(("word", "kind"), [("drain", "worker"), ("pause", "queue")])
def test_what_is_not_there_is_said_to_be_gone(admin_client: Client, word: str, kind: str) -> None:
    answer = admin_client.post(lever(word, kind, "gone@nowhere"), follow=True)
    assert said(answer) == [f"There is no {kind} gone@nowhere any more."]
    assert not LogEntry.objects.exists()


def test_a_link_changes_nothing_and_says_so(admin_client: Client) -> None:
    a_worker()
    for address in (lever("pause", "queue", "cpu"), lever("drain", "worker", "cpu@nowhere")):
        answer = admin_client.get(address, follow=True)
        assert said(answer) == ["Nothing was done. Press the button again."]
    assert not Queue.objects.get(name="cpu").paused
    assert Worker.objects.get().drain_asked_at is None


def test_who_may_look_sees_no_levers_and_can_pull_none(client: Client) -> None:
    a_worker()
    client.force_login(staff("view_queue", "view_worker"))
    shown = client.get(PAGE)
    assert shown.status_code == 200
    assert "formaction" not in shown.content.decode()
    for address in (lever("pause", "queue", "cpu"), lever("drain", "worker", "cpu@nowhere")):
        assert client.post(address).status_code == 403
    assert not Queue.objects.get(name="cpu").paused


def test_who_may_steer_queues_alone_cannot_drain(client: Client) -> None:
    a_worker()
    client.force_login(staff("view_queue", "view_worker", "change_queue"))
    assert client.post(lever("pause", "queue", "cpu")).status_code == 302
    assert client.post(lever("drain", "worker", "cpu@nowhere")).status_code == 403
    shown = client.get(PAGE).content.decode()
    assert (">Resume</button>" in shown, ">Drain</button>" in shown) == (True, False)


@pytest.mark.parametrize("permissions", [(), ("view_queue",), ("view_worker", "view_job")])
def test_others_see_neither_the_page_nor_its_line_in_the_sidebar(
    client: Client, permissions: tuple[str, ...]
) -> None:
    client.force_login(staff(*permissions))
    assert [client.get(path).status_code for path in (PAGE, NOW_PART)] == [403, 403]
    assert PAGE not in client.get("/admin/").content.decode()


def test_a_stranger_is_shown_the_door(client: Client) -> None:
    for path in (PAGE, NOW_PART):
        assert client.get(path)["Location"].startswith("/admin/login/")
    assert client.post(lever("pause", "queue", "cpu"))["Location"].startswith("/admin/login/")


def test_no_text_no_message_and_no_key_is_shown(admin_client: Client, tenant: Tenant) -> None:
    place = make_place()
    Job.objects.update(request={"text": CANARY, "spoken": CANARY}, error_message=CANARY)
    Job.objects.update(trail=[{"message": CANARY}], result={"text": CANARY})
    place.tenant.keys.update(name=CANARY)
    issued = tenants.issue_key(tenant=place.tenant, name=CANARY)
    take_samples()
    for path in (PAGE, NOW_PART):
        shown = admin_client.get(path).content.decode()
        for secret in (CANARY, issued.key.id, issued.token, place.token, *TEXTS):
            assert secret not in shown, path


def test_names_are_shown_and_not_run(admin_client: Client, tenant: Tenant) -> None:
    nasty = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    type(tenant).objects.update(name=nasty)
    queue = Queue.objects.create(name=nasty[:40])
    Worker.objects.create(name=nasty, queue=queue, engines=[nasty], heartbeat_at=Now())
    job_id = submit(tenant)
    Job.objects.filter(id=job_id).update(
        queue=nasty[:40], state="failed", error_code=nasty[:60], ended_at=Now()
    )
    shown = admin_client.get(PAGE).content.decode()
    assert "<script>alert" not in shown
    assert "<img src=x" not in shown


def test_a_store_that_hangs_does_not_hold_the_page(
    admin_client: Client, settings: Settings
) -> None:
    settings.HEALTH = {
        "Store": "tests.integration.test_admin_operations.hang",
        "Broker": "tests.integration.test_admin_operations.be_away",
    }
    begun = time.monotonic()
    found = signs(admin_client)
    assert time.monotonic() - begun < HANGS
    assert (found["Store"].tone, found["Broker"].tone) == ("bad", "bad")


HANGS = 4.0


def hang() -> None:
    time.sleep(HANGS)


def be_away() -> None:
    raise ConnectionError("away")


def test_a_dispatcher_that_takes_no_samples_is_away(admin_client: Client) -> None:
    ensure_queues(["cpu"])
    take_samples()
    assert signs(admin_client)["Dispatcher"].tone == "good"
    Sample.objects.update(at=Now() - timedelta(minutes=5))
    assert signs(admin_client)["Dispatcher"].tone == "bad"


def test_what_is_spent_is_told_by_the_hour_and_by_the_day(
    admin_client: Client, tenant: Tenant
) -> None:
    old, new = submit(tenant), submit(tenant)
    for job_id, cost in ((old, "0.50"), (new, "0.25")):
        usage = {"audio_seconds": 60.0, "cost_usd": cost}
        Usage.objects.create(job_id=job_id, tenant=tenant, **usage)
    Usage.objects.filter(job=old).update(at=Now() - timedelta(hours=2))
    (spender,) = told(admin_client)["spenders"]
    assert (spender.name, float(spender.hour_cost), spender.hour_audio) == ("Acme", 0.25, 60.0)


def test_the_page_asks_the_same_few_questions_however_much_there_is(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    make_place()
    take_samples()
    admin_client.get(NOW_PART)  # statements are prepared once
    with django_assert_max_num_queries(15) as before:
        admin_client.get(NOW_PART)
    for number in range(7):
        ensure_queues([f"queue-{number}"])
        for worker in range(12):
            name, queue = f"worker-{number}-{worker}@here", f"queue-{number}"
            announce_worker(Announcement(name=name, queue=queue, slots=2, pid=1))
    for number in range(12):
        submit(make_tenant(f"tenant-{number}"))
    with django_assert_max_num_queries(15) as after:
        admin_client.get(NOW_PART)
    assert len(after) == len(before)


def test_nothing_is_fetched_from_elsewhere_and_no_script_stands_in_the_part(
    admin_client: Client,
) -> None:
    make_place()
    part = admin_client.get(NOW_PART).content.decode()
    for mark in ("<script", "style=", "onclick", 'src="http', 'href="http', 'href="//'):
        assert mark not in part, mark
