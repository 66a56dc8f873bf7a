"""The admin as a whole: every page opens, what is only looked at stays as it is, nothing leaks."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import RequestFactory
from django.urls import reverse

from jobs.models import Event, Job, Offer, Queue, Usage, Worker
from jobs.services.workers import offer_engine
from jobs.webhooks.models import Endpoint
from tenants.admin.words import duration
from tenants.models import Tenant
from tests.engines import EchoEngine
from tests.sample_place import done, make_place, submit
from voices.models import Voice

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from tests.sample_place import Place

pytestmark = pytest.mark.django_db

LEDGER = (Job, Usage, Worker, Queue, Offer)
NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
def place(db: None) -> Place:
    return make_place()


def page_of(model: Any, what: str, *arguments: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=arguments)


def registered() -> list[tuple[Any, ModelAdmin[Any]]]:
    return list(admin.site._registry.items())


def request_of(user: User) -> Any:
    request = RequestFactory().get("/")
    request.user = user
    return request


def test_every_page_opens(place: Place, admin_client: Client, admin_user: User) -> None:
    request = request_of(admin_user)
    for model, pages in registered():
        assert admin_client.get(page_of(model, "changelist")).status_code == 200, model
        expected = 200 if pages.has_add_permission(request) else 403
        assert admin_client.get(page_of(model, "add")).status_code == expected, model
        for row in model.objects.all()[:30]:
            for what in ("change", "history"):
                answer = admin_client.get(page_of(model, what, row.pk))
                assert answer.status_code == 200, (model, what, row)
            expected = 200 if pages.has_delete_permission(request, row) else 403
            assert admin_client.get(page_of(model, "delete", row.pk)).status_code == expected


@pytest.mark.parametrize("path", ["", "jobs/", "tenants/", "voices/", "auth/", "password_change/"])
def test_every_overview_opens(place: Place, admin_client: Client, path: str) -> None:
    assert admin_client.get(f"/admin/{path}").status_code == 200


def test_lists_can_be_filtered_and_searched(place: Place, admin_client: Client) -> None:
    asked = {
        Job: [f"tenant__id__exact={place.tenant.id}&state=failed", "queue=cpu&kind=synthesize"],
        Usage: [f"tenant__id__exact={place.tenant.id}&days=0", "days=6", "days=nonsense"],
        Worker: ["queue=cpu"],
        Voice: ["owner=stock", "owner=tenant", "q=ember"],
        Tenant: ["q=post", "active__exact=1"],
    }
    for model, queries in asked.items():
        for query in queries:
            answer = admin_client.get(f"{page_of(model, 'changelist')}?{query}")
            assert answer.status_code == 200, query
            assert len(answer.context["cl"].result_list) > 0 or "nonsense" in query


def test_a_stranger_is_shown_the_door(place: Place, client: Client) -> None:
    job = place.jobs["succeeded"]
    key = place.tenant.keys.first()
    assert key is not None
    for path in (
        "/admin/",
        page_of(Job, "changelist"),
        page_of(Job, "change", job),
        page_of(Job, "audio", job),
        reverse("admin:tenants_tenant_issue_key", args=[place.tenant.id]),
    ):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")
    for path in (page_of(Job, "cancel", job), page_of(type(key), "revoke", key.pk)):
        assert client.post(path)["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("model", LEDGER)
def test_the_ledger_cannot_be_added_to_edited_or_deleted(
    place: Place, admin_client: Client, model: Any
) -> None:
    row, rows = model.objects.order_by("pk").first(), model.objects.count()
    for what, arguments in (("add", ()), ("change", (row.pk,)), ("delete", (row.pk,))):
        answer = admin_client.post(page_of(model, what, *arguments), {"post": "yes"})
        assert answer.status_code == 403, what
    chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    admin_client.post(page_of(model, "changelist"), chosen)
    assert model.objects.count() == rows


def test_staff_with_a_permission_to_look_can_only_look(place: Place, client: Client) -> None:
    looker = User.objects.create_user("looker", is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(looker)
    running, failed = place.jobs["running"], place.jobs["failed"]
    assert client.get(page_of(Job, "change", running)).status_code == 200
    assert client.get(page_of(Job, "audio", place.jobs["succeeded"])).status_code == 200
    for path in (page_of(Job, "cancel", running), page_of(Job, "retry", failed)):
        assert client.post(path).status_code == 403
    assert (
        client.get(reverse("admin:tenants_tenant_issue_key", args=[place.tenant.id])).status_code
        == 403
    )
    assert Job.objects.get(id=running).cancel_requested is False


def test_staff_without_permission_see_no_figures_and_hear_nothing(
    place: Place, client: Client
) -> None:
    client.force_login(User.objects.create_user("newcomer", is_staff=True))
    index = client.get("/admin/")
    assert index.status_code == 200
    assert "tiles" not in index.context
    assert client.get(page_of(Job, "audio", place.jobs["succeeded"])).status_code == 403


def test_names_and_texts_are_shown_and_not_run(place: Place, admin_client: Client) -> None:
    Tenant.objects.filter(id=place.tenant.id).update(name=NASTY)
    type(place.tenant.tier).objects.filter(slug=place.tenant.tier_id).update(name=NASTY)
    place.tenant.keys.update(name=NASTY[:80])
    own = Voice.objects.filter(tenant=place.tenant)
    own.update(name=NASTY, description=NASTY, gender=NASTY[:20])
    Worker.objects.update(engines=[NASTY])
    Usage.objects.update(voice=NASTY[:80])
    odd = asdict(replace(EchoEngine.capabilities, engine="odd", version=NASTY, languages=(NASTY,)))
    offer_engine(engine="odd", queue="cpu", capabilities=odd)
    job = Job.objects.get(id=submit(place.tenant, NASTY, engines=("espeak",)))
    Job.objects.filter(id__in=[job.id, place.jobs["failed"]]).update(
        error_code=NASTY[:60],
        error_message=NASTY,
        request={**job.request, "voice": NASTY, "settings": {NASTY: 1}},
        plan=[{"engine": NASTY, "queue": NASTY, "binding": {"model": NASTY}}],
        trail=[{"attempt": 1, "engine": NASTY, "code": NASTY, "message": NASTY}],
        step=0,
    )
    paths = [page_of(model, "changelist") for model, _ in registered()]
    paths += [
        "/admin/",
        page_of(Job, "change", job.id),
        page_of(Tenant, "change", place.tenant.id),
        page_of(Voice, "change", own.get().id),
        page_of(Offer, "change", Offer.objects.get(engine="odd").id),
        reverse("admin:tenants_tenant_issue_key", args=[place.tenant.id]),
    ]
    for path in paths:
        shown = admin_client.get(path).content.decode()
        assert "<script>alert" not in shown, path
        assert "<img src=x" not in shown, path


@pytest.mark.parametrize(("model", "most"), [(Job, 9), (Usage, 7), (Tenant, 7), (Worker, 6)])
def test_a_list_asks_the_same_few_questions_however_long_it_is(
    place: Place,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    model: Any,
    most: int,
) -> None:
    path = page_of(model, "changelist")
    with django_assert_max_num_queries(most) as before:
        admin_client.get(path)
    lengthen(model, place)
    with django_assert_max_num_queries(most) as after:
        admin_client.get(path)
    assert len(after) == len(before)


def lengthen(model: Any, place: Place) -> None:
    """Ten more rows of it, each with relations of its own."""
    for number in range(10):
        if model is Tenant:
            Tenant.objects.create(slug=f"t{number}", name=f"T{number}", tier=place.tenant.tier)
        elif model is Worker:
            Worker.objects.create(name=f"w{number}", queue=Queue.objects.create(name=f"q{number}"))
        else:
            done(place.tenant, "Ten more.")


def test_no_list_of_the_ledger_counts_all_of_it(
    place: Place, admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for model in (Job, Usage):
        with django_assert_max_num_queries(9) as asked:
            admin_client.get(page_of(model, "changelist"))
        assert not [q["sql"] for q in asked.captured_queries if "COUNT(" in q["sql"].upper()]


def test_a_job_and_the_first_page_cost_few_questions(
    place: Place, admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(8):
        admin_client.get(page_of(Job, "change", place.jobs["failed"]))
    with django_assert_max_num_queries(7):
        admin_client.get("/admin/")


def test_the_first_page_tells_what_the_ledger_holds(place: Place, admin_client: Client) -> None:
    told = admin_client.get("/admin/").context
    tiles = {tile.title: tile.value for tile in told["tiles"]}
    ended = Job.objects.filter(ended_at__isnull=False)
    seconds = sum(Usage.objects.values_list("audio_seconds", flat=True))
    assert tiles["Running now"] == "2"  # one handed out, one running
    assert tiles["In line"] == str(Job.objects.filter(state="queued").count())
    assert tiles["Failed today"] == str(ended.filter(state="failed").count())
    assert tiles["Done today"] == str(ended.filter(state="succeeded").count())
    assert tiles["Audio today"] == duration(seconds)
    assert [row.name for row in told["tenants"]] == ["Parcel & Post"]
    assert [row["job"].id for row in told["failures"]] == [place.jobs["failed"]]
    assert {row.name: row.workers for row in told["queues"]} == {"cpu": 1, "media": 0}


def test_pages_fetch_nothing_from_elsewhere(place: Place, admin_client: Client) -> None:
    for path in ("/admin/", page_of(Job, "changelist"), page_of(Tenant, "change", place.tenant.id)):
        shown = admin_client.get(path).content.decode()
        for attribute in ('src="http', "src='http", 'href="http', 'src="//', 'href="//'):
            assert attribute not in shown, path


def test_a_rows_name_stands_above_its_page_as_it_is_written(
    place: Place, admin_client: Client
) -> None:
    endpoint = Endpoint.objects.filter(url__endswith="/shop").get()
    for row in (endpoint, Worker.objects.get(name="cpu@alpha"), Queue.objects.get(name="cpu")):
        shown = admin_client.get(page_of(type(row), "change", row.pk)).content.decode()
        assert f">{row}</a>" in "".join(line.strip() for line in shown.splitlines())


def test_events_are_told_in_words(place: Place, admin_client: Client) -> None:
    assert Event.objects.filter(job=place.jobs["cancelled"]).exists()
    shown = admin_client.get(page_of(Job, "change", place.jobs["cancelled"])).content.decode()
    assert "Somebody called it off" in shown
