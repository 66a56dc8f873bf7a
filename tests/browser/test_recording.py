"""A voice is recorded in the browser, with a microphone; and what is said where there is none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.desk import card, create_voice, signed_in_as
from tests.sound_files import pcm_file, speech

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

MICROPHONE = "--use-fake-device-for-media-stream"
ALLOWED = "--use-fake-ui-for-media-stream"
BLIND = "window.requestAnimationFrame = () => 0"  # as in a tab that nobody looks at


@pytest.mark.usefixtures("mill")
def test_what_is_spoken_into_the_microphone_becomes_a_sample(
    program: str, desk: str, passwords: dict[str, str], tmp_path: Path
) -> None:
    spoken = tmp_path / "spoken.wav"
    spoken.write_bytes(pcm_file(speech()))
    flags = [MICROPHONE, ALLOWED, f"--use-file-for-fake-audio-capture={spoken}"]
    with signed_in_as("owner", program, desk, passwords["owner"], flags) as page:
        create_voice(page)
        page.get_by_role("button", name="Record here").click()
        expect(page.locator(".vm-recorder")).to_contain_text("Recording, 8.", timeout=30_000)
        page.locator(".vm-recorder").get_by_role("button", name="Stop").click()
        row = card(page, "samples").locator("[data-sample]")
        verdict = re.compile("accepted|warned")
        expect(row).to_have_attribute("data-state", verdict, timeout=60_000)
        expect(row).to_contain_text("Recording 1.webm")
        assert len(str(row.locator("svg path").first.get_attribute("d"))) > 1_000
        row.get_by_text("What was measured").click()
        assert 8.0 <= measured(row, "Length") <= 12.0
        assert measured(row, "Speech above noise") > 16.0
        expect(page.get_by_role("button", name="Record here")).to_be_visible()


def measured(row: Locator, name: str) -> float:
    fact = row.locator("dl > div").filter(has_text=re.compile(f"^{name}"))
    return float(fact.locator("dd").inner_text().split()[0])


def test_who_gets_no_microphone_is_told_what_to_do(
    program: str, desk: str, passwords: dict[str, str]
) -> None:
    for flags, says in (([MICROPHONE], "Allow it at the sign"), ([], "There is no microphone")):
        with signed_in_as("owner", program, desk, passwords["owner"], flags) as page:
            page.goto("/admin/voices/voice/?q=counter")
            page.get_by_role("link", name="Counter").click()
            button = page.get_by_role("button", name="Record here")
            button.click()
            expect(page.locator(".vm-recorder [role=status]")).to_contain_text(says)
            expect(page.locator(".vm-recorder [role=status]")).to_contain_text("or upload a file")
            expect(button).to_be_enabled()


def test_a_recording_ends_by_itself_and_is_not_left_by_mistake(
    program: str, desk: str, passwords: dict[str, str]
) -> None:
    flags = [MICROPHONE, ALLOWED]
    with signed_in_as("owner", program, desk, passwords["owner"], flags) as page:
        page.add_init_script(BLIND)
        page.clock.install()
        page.goto("/admin/voices/voice/?q=counter")
        page.get_by_role("link", name="Counter").click()
        begin, stop = (recorder_button(page, name) for name in ("Record here", "Stop"))
        begin.click()
        expect(stop).to_be_visible()
        page.clock.fast_forward("10:01")
        expect(card(page, "samples").get_by_text("Recording 1.webm")).to_be_visible()
        begin.click()
        expect(stop).to_be_visible()
        with page.expect_event("dialog") as asked:
            page.evaluate("setTimeout(() => window.location.reload())")
            page.clock.run_for(100)
        assert asked.value.type == "beforeunload"


def recorder_button(page: Page, name: str) -> Locator:
    return page.locator(".vm-recorder button").filter(has_text=name)
