"""An operator in front of the page that keeps itself up to date."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

PAGE = "/admin/operations/"
REFRESHED = 15_000  # milliseconds; it is fetched each five seconds


@pytest.fixture
def operations(signed_in: Page) -> Page:
    signed_in.get_by_role("link", name="Operations").click()
    expect(signed_in).to_have_url(re.compile(PAGE))
    return signed_in


def row_of(page: Page, name: str) -> Locator:
    """The first with this name: classes stand above workers, which name their class too."""
    cell = page.get_by_role("cell", name=name, exact=True)
    return page.get_by_role("row").filter(has=cell).first


def wait_for_news(page: Page) -> None:
    before = page.locator("[data-at]").get_attribute("data-at")
    expect(page.locator("[data-at]")).not_to_have_attribute(
        "data-at", str(before), timeout=REFRESHED
    )


def test_a_class_is_paused_after_a_question_and_resumed(operations: Page) -> None:
    with operations.expect_event("dialog") as asked:
        row_of(operations, "cpu").get_by_role("button", name="Pause").click()
    assert "Nothing new begins on it." in asked.value.message
    expect(operations.get_by_text("Paused: cpu.")).to_be_visible()
    expect(row_of(operations, "cpu").locator(".vm-badge")).to_have_text("paused")
    row_of(operations, "cpu").get_by_role("button", name="Resume").click()
    expect(operations.get_by_text("Resumed: cpu.")).to_be_visible()


def test_a_worker_is_drained_after_a_question(operations: Page) -> None:
    with operations.expect_event("dialog") as asked:
        row_of(operations, "cpu@alpha").get_by_role("button", name="Drain").click()
    assert "goes back in line" in asked.value.message
    expect(operations.get_by_text("Draining: cpu@alpha.")).to_be_visible()


def test_what_another_operator_does_is_seen_without_loading_the_page(operations: Page) -> None:
    other = operations.context.new_page()
    other.on("dialog", lambda dialog: dialog.accept())
    other.goto(PAGE)
    row_of(other, "cpu").get_by_role("button", name="Pause").click()
    operations.bring_to_front()
    badge = row_of(operations, "cpu").locator(".vm-badge")
    expect(badge).to_have_text("paused", timeout=REFRESHED)


def test_the_focus_and_an_open_table_outlast_a_refresh(operations: Page) -> None:
    operations.get_by_text("The charts in figures").first.click()
    row_of(operations, "cpu@alpha").get_by_role("button", name="Drain").focus()
    wait_for_news(operations)
    expect(operations.locator("details[open]")).to_have_count(1)
    expect(row_of(operations, "cpu@alpha").get_by_role("button", name="Drain")).to_be_focused()


def test_old_figures_are_said_to_be_old(operations: Page) -> None:
    operations.route("**/operations/now/", lambda route: route.abort())
    status = operations.get_by_role("status")
    expect(status).to_contain_text("The server does not answer.", timeout=REFRESHED)
    operations.unroute("**/operations/now/")
    expect(status).to_have_text("Fetched again every 5 seconds.", timeout=REFRESHED)


def test_whoever_is_signed_out_is_told(operations: Page) -> None:
    operations.context.clear_cookies()
    status = operations.get_by_role("status")
    expect(status).to_contain_text("You are signed out.", timeout=REFRESHED)


def test_the_page_works_without_scripts(operations: Page) -> None:
    browser = operations.context.browser
    assert browser is not None
    cookies = operations.context.storage_state()
    plain = browser.new_context(java_script_enabled=False, storage_state=cookies).new_page()
    plain.goto(operations.url)
    expect(plain.get_by_text("Load the page again")).to_be_visible()
    row_of(plain, "cpu").get_by_role("button", name="Pause").click()
    expect(plain.get_by_text("Paused: cpu.")).to_be_visible()


def test_nothing_sticks_out_at_any_width(operations: Page) -> None:
    for width in (390, 820, 1440):
        operations.set_viewport_size({"width": width, "height": 900})
        assert operations.evaluate("document.documentElement.scrollWidth") <= width
