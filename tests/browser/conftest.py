"""A person at a browser, in front of the whole application and a place full of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.serving import chromium, find_chromium, serving
from tests.environment import FOLDER, child_environment
from tests.tools import IN_CI

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.sample_place import Place

USER, PASSWORD = "operator", "only-for-this-test"


@pytest.fixture(scope="session")
def program() -> str:
    """Chromium; without one the tests are skipped on a laptop and fail in CI."""
    found = find_chromium()
    if found is None:
        reason = "no chromium, chromium-browser or google-chrome on the PATH"
        if IN_CI:
            pytest.fail(reason)
        pytest.skip(reason)
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
