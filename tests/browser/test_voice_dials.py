"""Dials that are moved in quick succession: each save carries the version the last one left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.desk import card, signed_in_as

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

RESTED = 500  # milliseconds of the page's clock: longer than a dial has to rest


@pytest.fixture
def voice(passwords: dict[str, str]) -> str:
    """Of the tenant's own, and spoken by an engine that has the dials."""
    from jobs.services.workers import ensure_queues
    from tenants.models import Tenant
    from tests.speech import make_voice, offer_engines

    ensure_queues(["cpu"])
    offer_engines("mimic")
    return make_voice("dialled", tenant=Tenant.objects.get(slug="acme"), engines=["mimic"]).name


@pytest.fixture
def page(program: str, voice: str, desk: str, passwords: dict[str, str]) -> Iterator[Page]:
    """The voice's page, whose clock the test moves on."""
    with signed_in_as("owner", program, desk, passwords["owner"]) as page:
        page.goto("/admin/voices/voice/")
        page.clock.install()
        page.get_by_role("link", name=voice).first.click()
        expect(page.locator("[data-dial=stability]")).to_be_enabled()
        expect(page.locator("#voice-samples [data-note]")).to_have_text("")
        page.wait_for_load_state("networkidle")
        yield page


def move(page: Page, dial: str, value: float) -> None:
    page.locator(f"[data-dial={dial}]").evaluate(
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')) }",
        str(value),
    )


def test_a_dial_that_is_moved_while_another_is_saved_is_saved_after_it(page: Page) -> None:
    held: list[Route] = []
    page.route("**/settings", lambda route: route.continue_() if held else held.append(route))
    with page.expect_request("**/settings") as first:
        move(page, "stability", 0.2)
        page.clock.run_for(RESTED)
    move(page, "speed", 1.2)
    page.clock.run_for(RESTED)
    with page.expect_response(lambda one: one.request != first.value) as second:
        held[0].continue_()
    one, other = first.value.response(), second.value
    assert one is not None
    assert (one.status, other.status) == (200, 200)
    assert other.request.header_value("If-Match") == one.header_value("ETag")
    expect(card(page, "settings").get_by_text("The draft is saved")).to_be_visible()
    page.reload()
    expect(page.locator("[data-dial=stability]")).to_have_value("0.2")
    expect(page.locator("[data-dial=speed]")).to_have_value("1.2")


def test_what_was_moved_last_is_saved_before_the_draft_is_published(page: Page) -> None:
    move(page, "stability", 0.2)
    page.clock.run_for(RESTED)
    publish = page.get_by_role("button", name="Publish the draft")
    expect(publish).to_be_visible()
    move(page, "stability", 0.9)
    with page.expect_response("**/settings") as saved, page.expect_response("**/publish") as done:
        publish.click()
    assert done.value.status == 200
    assert done.value.request.header_value("If-Match") == saved.value.header_value("ETag")
    expect(page.get_by_role("button", name="Roll back")).to_be_visible()
    expect(publish).to_be_hidden()
    expect(page.locator("[data-dial=stability]")).to_have_value("0.9")


def test_nothing_is_published_where_the_last_move_could_not_be_saved(page: Page) -> None:
    move(page, "stability", 0.2)
    page.clock.run_for(RESTED)
    publish = page.get_by_role("button", name="Publish the draft")
    expect(publish).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url.rpartition("/")[2]))
    page.route("**/settings", lambda route: route.abort())
    move(page, "stability", 0.9)
    publish.click()
    trouble = card(page, "head").locator(".vm-trouble[data-note]")
    expect(trouble).to_contain_text("does not answer")
    assert asked == ["settings"]
    page.unroute("**/settings")
    move(page, "stability", 0.8)
    with page.expect_response("**/publish") as done:
        publish.click()
    assert done.value.status == 200
