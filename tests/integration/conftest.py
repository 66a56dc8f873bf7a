"""What tests of the API begin with: voices, keys and a live server."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from jobs.services.workers import ensure_queues
from tests.engines import MimicEngine
from tests.environment import FOLDER, child_environment
from tests.live import live_server
from tests.places import s3_place as open_s3_place
from tests.receivers import receiver
from tests.speech import keyed, make_voice, offer_engines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx
    from django.test import Client
    from pytest_django import Settings

    from tenants.models import Tenant
    from tests.live import Server
    from tests.places import Place
    from tests.receivers import Receiver


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


@pytest.fixture
def mimic(transactional_db: None) -> Iterator[None]:
    """The engine that clones is known; whatever a test makes of it, the next finds it well."""
    ensure_queues(["cpu", "media"])
    offer_engines("echo", "mimic")
    yield
    MimicEngine.steps, MimicEngine.trouble = 0, None
    MimicEngine.begun.clear()


@pytest.fixture
def mine(tenant: Tenant, mimic: None) -> Client:
    """A client of the views, where voices can be cloned."""
    return keyed(tenant)


@pytest.fixture(scope="session")
def server(django_db_setup: None) -> Iterator[Server]:
    """The API as it is served, on the tests' database; what it counts, it keeps from the tests."""
    more = {"BODY_SECONDS": "2", "WEB_THREADS": "8", "COUNT_SECONDS": "3600"}
    with live_server(FOLDER, child_environment(**more)) as running:
        yield running


@pytest.fixture
def quick_server(transactional_db: None, tmp_path: Path) -> Iterator[Server]:
    """One that tells at once what it has counted, and which limits were reached."""
    with live_server(tmp_path, child_environment(COUNT_SECONDS="0.1")) as running:
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


@pytest.fixture
def quick_webhooks(settings: Settings) -> None:
    """Receivers may live on the loopback, and tries follow one another at once."""
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    settings.WEBHOOK_RETRY_SECONDS = [0.05] * 9
    settings.WEBHOOK_SECONDS = 2.0


@pytest.fixture
def postman(quick_webhooks: None, transactional_db: None) -> Iterator[None]:
    from tests.webhooks import a_postman

    with a_postman():
        yield


@pytest.fixture
def good() -> Iterator[Receiver]:
    """A receiver that answers 200 until a test wants something else."""
    with receiver() as one:
        yield one
