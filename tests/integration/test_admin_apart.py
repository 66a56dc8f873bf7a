"""Tenants apart in the admin: every address of its resolver, for every role, with foreign rows."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.contrib.auth.models import User
from django.forms import ModelChoiceField
from django.test import Client, RequestFactory
from django.urls import reverse

from tenants.admin.owned import OwnedAdmin
from tenants.roles import Role
from tests.admin_addresses import Address, CannotFillError, addresses, row_of
from tests.sample_place import make_workers
from tests.worlds import World, make_world, note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model

pytestmark = pytest.mark.django_db

ASKED = ("app_label", "model_name", "field_name", "term")
NOWHERE = {404, 405}
CLOSED = {403, 404, 405}
LEAVES = {"admin/logout/", "admin/login/"}
# Pages without a row that all who sign in may open. A new one is named here, or is closed.
OPEN = {
    "admin",
    "admin/",
    "admin/autocomplete/",
    "admin/jsi18n/",
    "admin/password_change/",
    "admin/password_change/done/",
    "admin/search/",
}
OF_AN_APP = re.compile(r"admin/(jobs|personalities|tenants|voices)/")


@pytest.fixture
def theirs(db: None) -> World:
    """Another tenant, and what the platform has for all."""
    make_workers()
    return make_world("Quokkabeam")


@pytest.fixture
def ours(theirs: World) -> World:
    return make_world("Ownwares")


@pytest.fixture(params=list(Role))
def visitor(request: pytest.FixtureRequest, ours: World) -> Client:
    client = Client()
    client.force_login(ours.people[request.param])
    return client


def owned_pages() -> Iterator[tuple[type[Model], OwnedAdmin[Any]]]:
    for model, pages in admin.site._registry.items():
        if isinstance(pages, OwnedAdmin):
            yield model, pages


def list_of(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def asked_by(user: User) -> Any:
    request = RequestFactory().get("/")
    request.user = user
    return request


def state_of(world: World) -> dict[str, Any]:
    """All that a visitor could have changed."""
    return {
        model.__name__: model._default_manager.filter(pk=row.pk).values().get()
        for model, row in world.rows.items()
    }


def shows(answer: Any, world: World) -> list[str]:
    """Traces of a tenant in an answer."""
    body = answer.content.decode(errors="replace").lower()
    return [trace for trace in world.traces() if trace.lower() in body]


def test_every_address_with_another_tenants_row_is_nowhere(visitor: Client, theirs: World) -> None:
    before, ids = state_of(theirs), theirs.ids()
    for address in addresses():
        if not address.names:
            continue
        path = address.filled(ids, theirs.rows)
        for method in (visitor.get, visitor.post):
            answer = method(path, {"post": "yes"}, follow=True)
            expected = NOWHERE if address.is_owned else CLOSED
            assert answer.status_code in expected, (path, answer.status_code)
            assert theirs.name.lower() not in answer.content.decode().lower(), path
    assert state_of(theirs) == before


def test_no_page_shows_a_trace_of_another_tenant(
    visitor: Client, ours: World, theirs: World
) -> None:
    """Lists with their filters, the first page, one's own rows with history, choices, inlines."""
    ids, opened = ours.ids(), 0
    for address in addresses():
        if address.route in LEAVES or (address.names and not address.is_owned):
            continue
        answer = visitor.get(address.filled(ids, ours.rows), follow=True)
        opened += answer.status_code == 200
        assert answer.status_code in (CLOSED | {200} if may_open(address) else CLOSED), address
        assert answer.streaming or shows(answer, theirs) == [], address
    assert opened > 10


def may_open(address: Address) -> bool:
    """The pages of the platform, and those that nobody has thought of, are closed."""
    app = OF_AN_APP.fullmatch(address.route)
    return address.is_owned or address.route in OPEN or app is not None


def test_the_walk_sees_what_it_looks_for(theirs: World) -> None:
    """Their own owner finds these traces, on the very pages."""
    client = Client()
    client.force_login(theirs.people[Role.OWNER])
    for model, _ in owned_pages():
        for path in (list_of(model), f"{list_of(model)}{theirs.rows[model].pk}/change/"):
            assert shows(client.get(path, follow=True), theirs), path


def test_no_filter_search_or_lookup_reaches_another_tenants_rows(
    visitor: Client, theirs: World
) -> None:
    for model, pages in owned_pages():
        for query in queries(model, pages, theirs):
            answer = visitor.get(list_of(model), query)
            found = answer.context and answer.context.get("cl")
            assert answer.status_code in {200, 302, 400, 403}, (model, query)
            rows = {str(row.pk) for row in found.result_list} if found else set()
            assert str(theirs.rows[model].pk) not in rows, (model, query)


def queries(model: type[Model], pages: Any, theirs: World) -> Iterator[dict[str, str]]:
    """Searches, and lookups by each column and through each relation, allowed or not."""
    row = theirs.rows[model]
    for term in (theirs.name, str(row.pk), str(row.pk)[:18]):
        yield {"q": term}
    yield {"tenant__id__exact": str(theirs.tenant.id)}
    yield {"tenant__slug__startswith": theirs.name[:3].lower()}
    yield {"id__exact": str(row.pk)}
    for one in pages.list_filter:
        if isinstance(one, type) and issubclass(one, SimpleListFilter):
            yield {str(one.parameter_name): theirs.name}
        elif isinstance(one, tuple):
            yield {f"{one[0]}__id__exact": str(theirs.tenant.id)}


def test_no_autocomplete_offers_another_tenants_rows(visitor: Client, theirs: World) -> None:
    """For every relation of every model, as the admin's widgets ask."""
    asked = 0
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if not field.is_relation or field.auto_created:
                continue
            names = (model._meta.app_label, str(model._meta.model_name), field.name)
            for term in ("", theirs.name[:4]):
                query = dict(zip(ASKED, (*names, term), strict=True))
                answer = visitor.get(reverse("admin:autocomplete"), query)
                assert answer.status_code in {200, 403, 404}
                assert shows(answer, theirs) == [], query
                asked += answer.status_code == 200
    assert asked > 0


def test_no_choice_of_a_form_is_another_tenants(ours: World, theirs: World) -> None:
    request = asked_by(ours.people[Role.OWNER])
    foreign = {(type(row), row.pk) for row in theirs.rows.values()}
    for model, pages in owned_pages():
        for one in (None, ours.rows[model]):
            forms = [pages.get_form(request, one, fields=None)]
            forms += [f.form for f, _ in pages.get_formsets_with_inlines(request, one)]
            for form in forms:
                for name, field in form.base_fields.items():
                    if isinstance(field, ModelChoiceField):
                        assert field.queryset is not None
                        offered = {(type(row), row.pk) for row in field.queryset}
                        assert not offered & foreign, (model, name)


def test_no_action_is_taken_on_another_tenants_rows(visitor: Client, theirs: World) -> None:
    before = state_of(theirs)
    for model, pages in owned_pages():
        for action in (*map(str, pages.actions or ()), "delete_selected"):
            for across in ("0", "1"):
                chosen = {
                    "action": action,
                    "_selected_action": [str(theirs.rows[model].pk)],
                    "select_across": across,
                    "post": "yes",
                }
                answer = visitor.post(list_of(model), chosen, follow=True)
                assert answer.status_code in {200, 403}, (model, action)
                assert state_of(theirs) == before, (model, action)


def test_a_search_of_the_whole_admin_finds_no_other_tenant(visitor: Client, theirs: World) -> None:
    for extended in ({}, {"extended": "1"}):
        answer = visitor.get(reverse("admin:search"), {"s": theirs.name.lower(), **extended})
        assert answer.status_code == 200
        assert list(answer.context["results"]) == []


def test_the_history_of_a_row_names_nobody_of_elsewhere(ours: World, theirs: World) -> None:
    row = ours.rows[type(theirs.tenant)]
    note(row, theirs.people[Role.OWNER], "Looked after it.")
    client = Client()
    client.force_login(ours.people[Role.OWNER])
    shown = client.get(reverse("admin:tenants_tenant_history", args=[row.pk]))
    assert "Looked after it." in shown.content.decode()
    assert shows(shown, theirs) == []
    assert "Ownwares.owner@ownwares" in shown.content.decode()


def test_who_belongs_nowhere_is_shown_the_door_at_every_address(theirs: World) -> None:
    client = Client()
    client.force_login(User.objects.create_user("passer-by"))
    for address in addresses():
        if address.route not in LEAVES:
            answer = client.get(address.filled(theirs.ids(), theirs.rows))
            assert answer.status_code == 302, address
            assert "/admin/login/" in answer["Location"] or address.route == "admin/", address


def test_the_walk_fails_where_it_cannot_fill_an_address(theirs: World) -> None:
    with pytest.raises(CannotFillError, match="what is bolt_id"):
        Address("admin/jobs/job/<uuid:bolt_id>/", ("bolt_id",)).filled(theirs.ids(), theirs.rows)
    with pytest.raises(CannotFillError, match="no ContentType"):
        row_of(apps.get_model("contenttypes.ContentType"), theirs.rows)


def test_bodies_are_looked_through_as_they_are_sent(theirs: World) -> None:
    class Answer:
        content = json.dumps({"results": [{"text": theirs.tenant.name}]}).encode()

    assert shows(Answer(), theirs) == [theirs.name.lower()]
