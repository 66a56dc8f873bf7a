"""Real servers for every test that wants them, and the rows most tests begin with."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from celery.contrib.testing.worker import start_worker
from django.db import connections

from fleet.scratch import scratch_services
from tests.environment import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.services import Services
    from tenants.callers import Caller
    from tenants.models import Tenant


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """PostgreSQL and Redis from their wheels, for as long as the tests run."""
    with scratch_services(FOLDER) as running:
        yield running


@pytest.fixture(scope="session")
def django_db_modify_db_settings(services: Services) -> None:
    """The database is made once its server is up."""


@pytest.fixture(autouse=True)
def _nothing_remembered(request: pytest.FixtureRequest) -> None:
    """Each test that has a database starts with empty caches and an empty broker."""
    if not {"db", "transactional_db"} & set(request.fixturenames):
        return
    request.getfixturevalue("services")
    from jobs.pressure import forget_pressure
    from jobs.selectors import forget_awake_queues
    from jobs.tallies import tallies
    from jobs.wire import redis_client
    from tenants.callers import forget_callers
    from voices.selectors import forget_remembered

    redis_client().flushall()
    forget_pressure()
    forget_awake_queues()
    tallies.forget()
    forget_callers()
    forget_remembered()


@pytest.fixture
def tenant(db: None) -> Tenant:
    return make_tenant("acme")


@pytest.fixture
def caller(tenant: Tenant) -> Caller:
    return make_caller(tenant)


def make_tenant(slug: str, **limits: float) -> Tenant:
    from tenants.models import Tenant, Tier

    tier, _ = Tier.objects.get_or_create(
        slug="enterprise",
        defaults={"name": "Enterprise", "max_running": 256, "max_queued": 200_000},
    )
    return Tenant.objects.create(slug=slug, name=slug.title(), tier=tier, **limits)


def make_caller(tenant: Tenant) -> Caller:
    from tenants.callers import find_caller
    from tenants.services import issue_key

    found = find_caller(issue_key(tenant=tenant, name="tests").token)
    assert found is not None
    return found


@pytest.fixture
def dispatcher(transactional_db: None) -> Iterator[None]:
    """A real dispatcher on a thread of its own."""
    from jobs.dispatch import Dispatcher

    running = Dispatcher()
    thread = threading.Thread(target=running.run)
    thread.start()
    yield
    running.stop.set()
    thread.join()


@pytest.fixture
def cpu_worker(dispatcher: None) -> Iterator[None]:
    """A real Celery worker on the cpu queue, on a thread of its own, announced in the ledger."""
    yield from in_thread_worker("cpu")


def in_thread_worker(queue: str) -> Iterator[None]:
    from config import celery_app
    from jobs.services.workers import Announcement, announce_worker
    from synthesis_worker import tasks  # noqa: F401 - what the worker answers bells with
    from synthesis_worker.equipment import capabilities_by_engine

    announce_worker(
        Announcement(
            name=f"{queue}@test",
            queue=queue,
            slots=1,
            pid=1,
            engines=capabilities_by_engine(queue),
        )
    )
    with start_worker(
        celery_app, pool="solo", perform_ping_check=False, queues=[queue], loglevel="WARNING"
    ):
        yield
    connections.close_all()
