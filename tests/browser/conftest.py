"""A person at a browser, in front of the whole application and a place full of jobs."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.browser.desk import signed_in_as
from tests.browser.serving import chromium, find_chromium, serving
from tests.environment import FOLDER, child_environment
from tests.live import QUIET, python, wait_until
from tests.tools import not_here

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.sample_place import Place

USER, PASSWORD = "operator", "only-for-this-test"
ENGINES = "espeak,mimic=tests.engines:MimicEngine"


@pytest.fixture(scope="session")
def program() -> str:
    """Chromium; without one the tests are skipped on a laptop and fail in CI."""
    found = find_chromium()
    if found is None:
        not_here("no chromium, chromium-browser or google-chrome on the PATH")
    return found


@pytest.fixture
def place(program: str, transactional_db: None) -> Place:
    """All rows a test needs: while the browser is open its thread cannot use the ORM."""
    from django.contrib.auth.models import User

    from tests.sample_place import make_place

    User.objects.create_superuser(USER, password=PASSWORD)
    return make_place()


@pytest.fixture
def address(place: Place) -> Iterator[str]:
    """A server for each test: between two the tables are emptied, and a server remembers rows."""
    environment = child_environment(WORKER_ALIVE_SECONDS="600")
    with serving(environment, FOLDER / "browser-api.log") as address:
        yield address


@pytest.fixture
def page(program: str, address: str) -> Iterator[Page]:
    """A page whose every request stayed on this server and whose scripts raised nothing."""
    strangers: list[str] = []
    errors: list[str] = []
    with chromium(program) as browser:
        page = browser.new_context(base_url=address).new_page()
        page.on("request", lambda asked: strangers.append(asked.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: dialog.accept())
        yield page
    own = (address, "data:", "blob:")
    assert [url for url in strangers if not url.startswith(own)] == []
    assert errors == []


@pytest.fixture
def signed_in(page: Page) -> Page:
    page.goto("/admin/")
    page.fill("input[name=username]", USER)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")
    return page


@pytest.fixture
def passwords(program: str, transactional_db: None) -> dict[str, str]:
    """Of the people of the tenant acme, which may have voices of its own, by role."""
    from tenants.audit import PLATFORM
    from tenants.people import add_person
    from tenants.roles import Role
    from tests.conftest import make_tenant
    from tests.speech import make_voice

    tenant = make_tenant("acme")
    make_voice("counter", tenant=tenant)
    people = [
        add_person(tenant=tenant, name=role.value, role=role, actor=PLATFORM) for role in Role
    ]
    return {one.person.role: one.password for one in people}


@pytest.fixture
def desk(passwords: dict[str, str]) -> Iterator[str]:
    """The address where acme's people sign in."""
    with serving(child_environment(), FOLDER / "browser-api.log") as address:
        yield address


@pytest.fixture
def mill(desk: str) -> Iterator[None]:
    """All that works, with an engine that clones on the cpu queue."""
    from jobs.models import Offer, Worker

    work = child_environment(WORKER_MODULES="synthesis_worker.tasks", ENGINES=ENGINES)
    with ExitStack() as stack:

        def begin(name: str, *words: str, **more: str) -> None:
            log = FOLDER / f"browser-{name}.log"
            stack.enter_context(python(*words, log=log, environment={**work, **more}))

        begin("dispatch", "manage.py", "dispatch", WORKER_MODULES="", WEB="off")
        for queue in ("cpu", "media"):
            celery = ("-m", "celery", "-A", "config", "worker", "-Q", queue, "-n", f"{queue}@desk")
            begin(queue, *celery, "-P", "threads", "-c", "1", *QUIET)
        wait_until(Offer.objects.filter(engine="mimic").exists, what="an engine that clones")
        wait_until(Worker.objects.filter(queue="media").exists, what="somebody who listens")
        yield


@pytest.fixture
def owner(program: str, mill: None, desk: str, passwords: dict[str, str]) -> Iterator[Page]:
    with signed_in_as("owner", program, desk, passwords["owner"]) as page:
        yield page
