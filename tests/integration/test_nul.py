"""A NUL in an address, which no database takes: refused at every address, and never a 500."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.admin_addresses import addresses
from tests.openapi import operations
from tests.sample_place import make_workers
from tests.speech import keyed, problem_of
from tests.worlds import World, make_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

pytestmark = pytest.mark.django_db

ASKED = ("action", "told_by", "q", "cursor", "language", "o")


@pytest.fixture
def world(db: None) -> World:
    make_workers()
    return make_world("Ownwares")


def paths(world: World) -> Iterator[str]:
    """Every address with a NUL in its query, and with one for each of its names."""
    query = "?" + "&".join(f"{name}=%00" for name in ASKED)
    yield from (one.filled(world.ids(), world.rows) + query for one in addresses())
    for operation in operations():
        ids = world.ids()
        yield operation.at(ids) + query
        yield from (operation.at(ids | {name: "%00"}) for name in operation.names)
    yield from (f"/admin/tenants/tenant/keys/%00/{deed}/" for deed in ("revoke", "rotate"))


def test_a_nul_in_an_address_is_400_at_every_address(world: World, admin_client: Client) -> None:
    program = keyed(world.tenant)
    for path in paths(world):
        client = admin_client if path.startswith("/admin") else program
        for ask in (client.get, client.post):
            assert problem_of(ask(path)) == (400, "bad_request"), path
