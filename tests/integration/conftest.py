"""What tests of the API begin with: voices, keys and a live server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.services.workers import ensure_queues
from tests.environment import FOLDER, child_environment
from tests.live import live_server
from tests.places import s3_place as open_s3_place
from tests.speech import keyed, make_voice, offer_engines

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from django.test import Client

    from tenants.models import Tenant
    from tests.live import Server
    from tests.places import Place


@pytest.fixture
def speech(db: None) -> None:
    """The voices `tester` and `diary`; their engines are known, and asleep unless a worker runs."""
    ensure_queues(["cpu", "media"])
    offer_engines("echo", "journal")
    make_voice("tester")
    make_voice("diary", engines=["journal"])


@pytest.fixture
def api(tenant: Tenant, speech: None) -> Client:
    """A client of the views, with a key of the tenant acme."""
    return keyed(tenant)


@pytest.fixture(scope="session")
def server(django_db_setup: None) -> Iterator[Server]:
    """The API as it is served, on the tests' database."""
    with live_server(FOLDER, child_environment(BODY_SECONDS="2", WEB_THREADS="8")) as running:
        yield running


@pytest.fixture(scope="session")
def s3_place(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The same, with its audio in a real S3."""
    with open_s3_place(tmp_path_factory.mktemp("s3")) as place:
        yield place


@pytest.fixture
def live(server: Server, tenant: Tenant, speech: None) -> Iterator[httpx.Client]:
    """A client of the live API, with a key of the tenant acme."""
    from tenants.services import issue_key

    with server.client(issue_key(tenant=tenant, name="tests").token) as client:
        yield client
