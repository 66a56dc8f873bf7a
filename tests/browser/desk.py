"""A tenant's people at their desks: signed in, and with the voice's page before them."""

from __future__ import annotations

from base64 import b64encode
from contextlib import contextmanager
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.serving import chromium

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Locator, Page

DROP = """([zone, files]) => {
  const carried = new DataTransfer();
  for (const [name, base64] of files) {
    const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
    carried.items.add(new File([bytes], name, { type: "audio/wav" }));
  }
  for (const type of ["dragenter", "dragover", "drop"]) {
    const told = { dataTransfer: carried, bubbles: true, cancelable: true };
    zone.dispatchEvent(new DragEvent(type, told));
  }
}"""


@contextmanager
def signed_in_as(
    role: str, program: str, address: str, password: str, flags: Sequence[str] = ()
) -> Iterator[Page]:
    """At a browser whose every request stays on this server, and whose scripts raise nothing."""
    strangers: list[str] = []
    errors: list[str] = []
    with chromium(program, flags) as browser:
        page = browser.new_context(base_url=address).new_page()
        page.on("request", lambda asked: strangers.append(asked.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto("/admin/")
        page.fill("input[name=username]", f"{role}@acme")
        page.fill("input[name=password]", password)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/admin/")
        yield page
    assert [url for url in strangers if not url.startswith((address, "data:", "blob:"))] == []
    assert errors == []


def card(page: Page, name: str) -> Locator:
    return page.locator(f"#voice-{name}")


def create_voice(page: Page) -> None:
    page.goto("/admin/voices/voice/add/")
    page.fill("#id_name", "Ada")
    page.fill("#id_language", "en")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(card(page, "head").locator(".vm-badge")).to_have_text("new")


def drop(page: Page, *files: tuple[str, bytes]) -> None:
    zone = page.locator("[data-drop]").element_handle()
    page.evaluate(DROP, [zone, [[name, b64encode(data).decode()] for name, data in files]])
