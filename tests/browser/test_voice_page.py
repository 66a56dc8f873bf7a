"""The owner of a voice at the desk: recordings, consent, a clone, dials, a test, and the end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import expect

from synthesis_worker.contract import Waveform
from tests.browser.desk import card, create_voice, drop, signed_in_as
from tests.sound_files import coded_file, pcm_file, piece, speech

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from voices.models import Voice

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def clone(page: Page) -> None:
    card(page, "consent").get_by_label("Whose voice it is").fill("Ada Muster")
    card(page, "consent").get_by_label("This person has agreed").check()
    card(page, "consent").get_by_role("button", name="Record the consent").click()
    expect(card(page, "consent").get_by_text("stands")).to_be_visible()
    card(page, "making").get_by_role("button", name="Clone from the recordings").click()
    expect(card(page, "head").locator(".vm-badge")).to_have_text("ready", timeout=30_000)


def turn(page: Page, dial: str, value: float) -> None:
    """As soon as it can be: before its value is known a move would be lost."""
    expect(page.locator(dial)).to_be_enabled()
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


@pytest.fixture
def brand(passwords: dict[str, str]) -> Voice:
    """A voice of acme's with a recording and a consent."""
    from jobs.services.workers import ensure_queues
    from tenants.models import Tenant
    from tests.browser.states import take_in
    from tests.own import agree, own_voice
    from voices.samples.uploading import Upload

    ensure_queues(["cpu", "media"])
    voice = own_voice(Tenant.objects.get(slug="acme"))
    take_in(voice, Upload("reading.wav", pcm_file(piece(speech(), 9.0))))
    agree(voice, "Ada Muster")
    return voice


def test_two_ways_are_compared_and_what_was_published_is_taken_back(
    program: str, brand: Voice, mill: None, desk: str, passwords: dict[str, str]
) -> None:
    with signed_in_as("owner", program, desk, passwords["owner"]) as page:
        page.goto(f"/admin/voices/voice/{brand.id}/change/")
        making, stability = card(page, "making"), page.locator("[data-dial=stability]")
        making.get_by_role("button", name="Clone from the recordings").click()
        expect(card(page, "head").locator(".vm-badge")).to_have_text("ready", timeout=30_000)
        turn(page, "[data-dial=stability]", 0.2)
        expect(page.get_by_text("jobs get the published settings until")).to_be_visible()

        audition = card(page, "audition")
        audition.get_by_label("Compare two ways").check()
        sides = audition.locator("[data-side]")
        sides.nth(1).get_by_label("Settings").select_option("published")
        for side in sides.all():
            side.get_by_role("button", name="Speak").click()
            expect(side.get_by_role("link", name="Download")).to_be_visible(timeout=20_000)

        page.get_by_role("button", name="Publish the draft").click()
        page.get_by_role("button", name="Roll back").click()
        expect(stability).to_have_value("0.75")
        expect(page.get_by_role("button", name="Publish the draft")).to_be_hidden()
        making.get_by_role("button", name="Forget what was made").click()
        expect(card(page, "head").locator(".vm-badge")).to_have_text("new")
        expect(card(page, "samples").locator("[data-sample]")).to_have_count(1)


def test_stop_ends_the_work_of_every_engine(
    program: str, brand: Voice, desk: str, passwords: dict[str, str]
) -> None:
    from jobs.models import Job, Worker
    from jobs.services.workers import offer_engine
    from tests.ledger import a_worker
    from tests.speech import ENGINES

    names = ["mimic", "parrot"]
    for name in names:
        offer_engine(engine=name, queue="cpu", capabilities=ENGINES["mimic"] | {"engine": name})
    a_worker(name="nobody")
    Worker.objects.filter(name="nobody").update(engines=names)
    with signed_in_as("owner", program, desk, passwords["owner"]) as page:
        page.goto(f"/admin/voices/voice/{brand.id}/change/")
        making, badge = card(page, "making"), card(page, "head").locator(".vm-badge")
        expect(making.get_by_label("With")).to_have_value("")
        making.get_by_role("button", name="Clone from the recordings").click()
        expect(badge).to_have_text("being made")
        making.get_by_role("button", name="Stop").click()
        expect(badge).to_have_text("new")
    assert [job.state for job in Job.objects.filter(kind="clone")] == ["cancelled", "cancelled"]


def test_the_page_goes_on_after_a_consent_was_withdrawn(
    program: str, brand: Voice, desk: str, passwords: dict[str, str]
) -> None:
    with signed_in_as("owner", program, desk, passwords["owner"]) as page:
        page.goto(f"/admin/voices/voice/{brand.id}/change/")
        page.get_by_role("button", name="Withdraw").click()
        expect(card(page, "consent").get_by_text("withdrawn", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Withdraw")).to_have_count(0)
        turn(page, "[data-dial=stability]", 0.2)
        expect(card(page, "settings").get_by_text("The draft is saved")).to_be_visible()


def test_no_dial_moves_before_its_value_is_known(
    program: str, brand: Voice, desk: str, passwords: dict[str, str]
) -> None:
    with signed_in_as("owner", program, desk, passwords["owner"]) as page:
        held: list[Route] = []
        page.route("**/settings", lambda route: held.append(route))  # noqa: PLW0108 - no builtin
        with page.expect_request("**/settings"):
            page.goto(f"/admin/voices/voice/{brand.id}/change/")
        expect(page.locator("[data-dial=stability]")).to_be_disabled()
        held[0].continue_()
        expect(page.locator("[data-dial=stability]")).to_be_enabled()


def test_a_click_into_the_picture_of_a_recording_plays_it_from_there(
    program: str, brand: Voice, desk: str, passwords: dict[str, str]
) -> None:
    with signed_in_as("owner", program, desk, passwords["owner"]) as page:
        page.goto(f"/admin/voices/voice/{brand.id}/change/")
        row = card(page, "samples").locator("[data-sample]")
        row.get_by_role("slider").click()
        expect(row.get_by_role("button", name=re.compile("^Play"))).to_have_text("Pause")
        expect(row.locator(".vm-clock")).to_have_text(re.compile("^[456]"))


def test_what_is_no_recording_is_told_so_with_what_to_do(owner: Page) -> None:
    create_voice(owner)
    said = piece(speech(), 6.0)
    flac, webm = pcm_file(said, "FLAC"), coded_file(said, "webm", "libopus", streaming=True)
    hush = pcm_file(Waveform(np.zeros(48_000, np.float32), 24_000))
    drop(owner, ("<b>notes.wav", b"not a sound at all" * 50), ("hush.wav", hush))
    drop(owner, ("a.flac", flac), ("b.webm", webm))
    rows = card(owner, "samples").locator("[data-sample]")
    expect(rows).to_have_count(4, timeout=20_000)
    silent = rows.filter(has_text="hush.wav")
    expect(silent).to_have_attribute("data-state", "rejected", timeout=60_000)
    expect(silent).to_contain_text("too soft to tell")
    bad = rows.filter(has_text="<b>notes.wav")
    expect(bad).to_have_attribute("data-state", "rejected", timeout=60_000)
    expect(bad.locator(".vm-reasons li")).not_to_have_count(0)
    sound = rows.filter(has_text="a.flac")
    expect(sound).to_have_attribute("data-state", "accepted", timeout=60_000)
    card(owner, "making").get_by_role("button", name="Clone from the recordings").click()
    expect(card(owner, "making").locator(".vm-trouble")).to_contain_text("consent")
    bad.get_by_role("button", name="Remove").click()
    expect(rows).to_have_count(3)


def test_who_only_looks_sees_the_voice_and_nothing_to_press(
    program: str, desk: str, passwords: dict[str, str]
) -> None:
    with signed_in_as("viewer", program, desk, passwords["viewer"]) as page:
        page.goto("/admin/voices/voice/")
        page.get_by_role("link", name="counter").first.click()
        expect(card(page, "head").locator(".vm-badge")).to_have_text("ready")
        expect(page.get_by_text("Your role lets you see this voice")).to_be_visible()
        for name in ("Delete the voice", "Publish the draft", "Clone", "Record", "Speak"):
            expect(page.get_by_role("button", name=name)).to_have_count(0)
        expect(page.locator("[data-dial=speed]")).to_be_disabled()
