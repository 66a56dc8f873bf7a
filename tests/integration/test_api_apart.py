"""Tenants apart at the API: every address of its OpenAPI file, with another tenant's ids."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.test import Client

from tenants.roles import Role
from tests.openapi import Operation, operations
from tests.sample_place import make_workers
from tests.speech import keyed
from tests.worlds import World, make_world

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.django_db


def aimed() -> list[Operation]:
    """Those with ids in their addresses."""
    return [one for one in operations() if one.names]


@pytest.fixture
def theirs(db: None) -> World:
    make_workers()
    return make_world("Quokkabeam")


@pytest.fixture
def ours(theirs: World) -> World:
    return make_world("Ownwares")


@pytest.fixture(params=["key", "owner", "owner who names the other tenant"])
def stranger(request: pytest.FixtureRequest, ours: World, theirs: World) -> Client:
    """A program, or somebody signed in, who may do all that can be done, for the other tenant."""
    if request.param == "key":
        return keyed(ours.tenant)
    named = {"X-Tenant": str(theirs.tenant.id)} if "names" in request.param else {}
    client = Client(headers=named, raise_request_exception=False)
    client.force_login(ours.people[Role.OWNER])
    return client


def test_every_address_answers_404_to_another_tenants_ids(
    stranger: Client, ours: World, theirs: World
) -> None:
    """With each mixture of foreign and own ids but the one that is all own."""
    for operation in aimed():
        for mixed in mixtures(operation.names, ours.ids(), theirs.ids()):
            answer = operation.asked_by(stranger, mixed)
            assert answer.status_code in nowhere(operation, stranger), (operation, mixed)
            assert theirs.name.lower() not in answer.content.decode().lower(), operation


def nowhere(operation: Operation, stranger: Client) -> set[int]:
    """Streams of events know keys alone."""
    keyless = "HTTP_AUTHORIZATION" not in stranger.defaults and operation.path.endswith("/events")
    return {401} if keyless else {404}


def mixtures(
    names: tuple[str, ...], own: Mapping[str, str], foreign: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    for chosen in product((own, foreign), repeat=len(names)):
        if any(source is foreign for source in chosen):
            yield {name: source.get(name, "") for name, source in zip(names, chosen, strict=True)}


def test_nothing_of_the_other_tenants_has_changed(
    stranger: Client, ours: World, theirs: World
) -> None:
    before = kept(theirs)
    for operation in aimed():
        operation.asked_by(stranger, theirs.ids())
    assert kept(theirs) == before


def kept(world: World) -> list[Any]:
    return [
        model._default_manager.filter(pk=row.pk).values().get() for model, row in world.rows.items()
    ]


def test_each_of_these_addresses_knows_its_owner(ours: World) -> None:
    """Each as if it were the only one asked: what it does is taken back."""
    client = keyed(ours.tenant)
    for operation in aimed():
        with transaction.atomic():
            answer = operation.asked_by(client, ours.ids())
            transaction.set_rollback(True)
        assert answer.status_code != 404, (operation, answer.content)


def test_an_address_whose_ids_the_walk_does_not_know_fails_it(ours: World) -> None:
    with pytest.raises(AssertionError, match=r"what is .*bolt_id"):
        Operation("get_bolt", "get", "/api/v1/bolts/{bolt_id}", ("bolt_id",)).at(ours.ids())
