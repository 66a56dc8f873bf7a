"""The owner of a voice at the desk: recordings, consent, a clone, dials, a test, and the end."""

from __future__ import annotations

import re
from base64 import b64encode
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.serving import chromium, serving
from tests.environment import FOLDER, child_environment
from tests.live import QUIET, python, wait_until
from tests.sound_files import coded_file, pcm_file, piece, speech

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ENGINES = "espeak,mimic=tests.engines:MimicEngine"
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
def address(passwords: dict[str, str]) -> Iterator[str]:
    with serving(child_environment(), FOLDER / "browser-api.log") as address:
        yield address


@pytest.fixture
def mill(address: str) -> Iterator[None]:
    """All that works, with an engine that clones on the cpu queue."""
    from jobs.models import Offer

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
        yield


@contextmanager
def signed_in_as(role: str, program: str, address: str, password: str) -> Iterator[Page]:
    """At a browser whose every request stays on this server, and whose scripts raise nothing."""
    strangers: list[str] = []
    errors: list[str] = []
    with chromium(program) as browser:
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


@pytest.fixture
def owner(program: str, mill: None, address: str, passwords: dict[str, str]) -> Iterator[Page]:
    with signed_in_as("owner", program, address, passwords["owner"]) as page:
        yield page


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


def clone(page: Page) -> None:
    card(page, "consent").get_by_label("Whose voice it is").fill("Ada Muster")
    card(page, "consent").get_by_label("This person has agreed").check()
    card(page, "consent").get_by_role("button", name="Record the consent").click()
    expect(card(page, "consent").get_by_text("stands")).to_be_visible()
    card(page, "making").get_by_role("button", name="Clone from the recordings").click()
    expect(card(page, "head").locator(".vm-badge")).to_have_text("ready", timeout=30_000)


def turn(page: Page, dial: str, value: float) -> None:
    page.locator(dial).evaluate(
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')) }",
        str(value),
    )


def test_from_recordings_to_a_voice_that_is_heard_and_erased(owner: Page) -> None:
    create_voice(owner)
    voice = speech()
    drop(owner, ("one.wav", pcm_file(piece(voice, 8.0))), ("two.wav", pcm_file(piece(voice, 12.0))))
    rows = card(owner, "samples").locator("[data-sample]")
    expect(rows).to_have_count(2, timeout=20_000)
    for row in rows.all():
        expect(row).to_have_attribute("data-state", re.compile("accepted|warned"), timeout=60_000)
        expect(row.locator("svg")).to_be_visible()
        if (use := row.get_by_role("button", name="Use it")).count():
            use.click()
            expect(row.get_by_text("as you decided")).to_be_visible()
    play = rows.first.get_by_role("button", name=re.compile("^Play"))
    play.click()
    expect(play).to_have_text("Pause")
    clone(owner)

    turn(owner, "[data-dial=stability]", 0.2)
    turn(owner, "[data-engine=mimic]", 0.6)
    expect(card(owner, "settings").get_by_text("The draft is saved")).to_be_visible()
    owner.reload()
    expect(owner.locator("[data-dial=stability]")).to_have_value("0.2")
    expect(owner.locator("[data-engine=mimic]")).to_have_value("0.6")
    publish = owner.get_by_role("button", name="Publish the draft")
    expect(publish).to_be_visible()

    audition = card(owner, "audition")
    with owner.expect_response(
        lambda one: one.url.endswith("/sample") and one.status == 200, timeout=20_000
    ):
        audition.get_by_role("button", name="Hear the sample sentence").click()
    audition.get_by_label("What it says").fill("Good morning.")
    audition.get_by_role("button", name="Speak").first.click()
    link = audition.get_by_role("link", name="Download").first
    expect(link).to_be_visible(timeout=20_000)
    with owner.expect_download() as heard:
        link.click()
    assert heard.value.path().read_bytes()[:4] == b"RIFF"

    publish.click()
    expect(owner.get_by_role("button", name="Roll back")).to_be_visible()
    expect(publish).to_be_hidden()

    owner.get_by_role("button", name="Delete the voice").click()
    owner.wait_for_url("**/admin/voices/voice/")
    expect(owner.get_by_role("link", name="Ada", exact=True)).to_have_count(0)


def test_what_is_no_recording_is_told_so_with_what_to_do(owner: Page) -> None:
    create_voice(owner)
    sound = piece(speech(), 6.0)
    flac, webm = pcm_file(sound, "FLAC"), coded_file(sound, "webm", "libopus", streaming=True)
    drop(owner, ("<b>notes.wav", b"not a sound at all" * 50), ("a.flac", flac), ("b.webm", webm))
    rows = card(owner, "samples").locator("[data-sample]")
    expect(rows).to_have_count(3, timeout=20_000)
    bad = rows.filter(has_text="<b>notes.wav")
    expect(bad).to_have_attribute("data-state", "rejected", timeout=60_000)
    expect(bad.locator(".vm-reasons li")).not_to_have_count(0)
    card(owner, "making").get_by_role("button", name="Clone from the recordings").click()
    expect(card(owner, "making").locator(".vm-trouble")).to_contain_text("consent")
    bad.get_by_role("button", name="Remove").click()
    expect(rows).to_have_count(2)


def test_who_only_looks_sees_the_voice_and_nothing_to_press(
    program: str, address: str, passwords: dict[str, str]
) -> None:
    with signed_in_as("viewer", program, address, passwords["viewer"]) as page:
        page.goto("/admin/voices/voice/")
        page.get_by_role("link", name="counter").first.click()
        expect(card(page, "head").locator(".vm-badge")).to_have_text("ready")
        expect(page.get_by_text("Your role lets you see this voice")).to_be_visible()
        for name in ("Delete the voice", "Publish the draft", "Clone", "Record", "Speak"):
            expect(page.get_by_role("button", name=name)).to_have_count(0)
        expect(page.locator("[data-dial=speed]")).to_be_disabled()
