"""The owner of a voice has it trained: what is said is written down, and the curve is watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from jobs.models import Job
from jobs.services.endings import end_job
from jobs.services.progress import report_progress
from jobs.states import State
from tenants.models import Tenant
from tests.browser.desk import card, signed_in_as
from tests.own import add_sample, agree, apart, own_voice
from tests.trainings import REPORT, ask_training, begun, offer_trainer, said
from voices.models import Sample, Voice
from voices.owning.learning import note_dataset

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def pupil(passwords: dict[str, str]) -> str:
    """The address of a voice with recordings and consent, whose words nobody has given."""
    offer_trainer(train_seconds=(10.0, 15.0))
    voice = own_voice(Tenant.objects.get(slug="acme"), name="Ada")
    for seed in (1, 2):
        add_sample(voice, seed=seed, seconds=6, verdict={})
    agree(voice)
    return f"/admin/voices/voice/{voice.id}/change/"


def meanwhile(action: Callable[[], object]) -> None:
    """The browser's thread cannot use the ORM."""
    thread = apart(action)
    thread.start()
    thread.join()


def job() -> Job:
    return Job.objects.get(kind="train")


def give_words(page: Page, name: str, text: str) -> None:
    """Its place is opened where it is not yet."""
    row = card(page, "samples").locator("[data-sample]").filter(has_text=name)
    if not (words := row.get_by_label(f"What is said in {name}")).is_visible():
        row.get_by_text("What is said").click()
    words.fill(text)
    row.get_by_role("button", name="Keep").click()


def test_words_are_given_a_training_is_begun_and_its_curve_is_drawn(
    program: str, desk: str, passwords: dict[str, str], pupil: str
) -> None:
    with signed_in_as("owner", program, desk, passwords["owner"]) as page:
        page.goto(pupil)
        training = card(page, "training")
        expect(training).to_contain_text("Say what is said in: take 1.wav, take 2.wav.")
        give_words(page, "take 1.wav", "...")
        expect(card(page, "samples")).to_contain_text("There are no words in the transcript")
        give_words(page, "take 1.wav", "The first sentence.")
        expect(training).to_contain_text("Say what is said in: take 2.wav.")
        give_words(page, "take 2.wav", "The second sentence.")
        expect(training.locator("[data-missing] li")).to_have_count(0)
        training.get_by_label("Steps").fill("1500")
        training.get_by_role("button", name="Train from the recordings").click()
        expect(training).to_contain_text("piper: waiting for a worker.")

        meanwhile(lambda: begun(job().id))
        expect(training).to_contain_text("piper: step 1000 of 1500, 1 min left.", timeout=20_000)
        curve = training.locator("[data-loss=mel]")
        expect(curve).to_contain_text("mel: 40 → 20")
        expect(curve.locator("polyline")).to_have_attribute("points", "0.0,0.0 240.0,60.0")
        training.get_by_text("3 clips, 12.5 s; 1 left out").click()
        expect(training).to_contain_text("take 1.wav, 1.0 s to 2.0 s: Too short: say more.")
        expect(training.get_by_role("button", name="Stop the training")).to_be_visible()
        expect(card(page, "making").locator(".vm-bar")).to_be_hidden()
        expect(card(page, "making").locator("[data-stop]:visible")).to_have_count(0)

        meanwhile(lambda: note_dataset(job().id, {"rejected": REPORT["rejected"]}))
        learnt = training.locator("[data-dataset] summary")
        expect(learnt).to_have_text("1 left out", timeout=20_000)

        meanwhile(lambda: end_job(job().id, State.FAILED, code="broken", message="It broke."))
        expect(card(page, "head")).to_contain_text("It broke.", timeout=20_000)
        expect(training).to_contain_text("It broke.")
        expect(training.locator("[data-loss=mel]")).to_be_visible()


def test_who_may_only_look_sees_how_it_goes_and_can_change_nothing(
    program: str, desk: str, passwords: dict[str, str], pupil: str
) -> None:
    with signed_in_as("viewer", program, desk, passwords["viewer"]) as page:
        meanwhile(begin_one_that_takes_hours)
        page.goto(pupil)
        expect(card(page, "samples").locator("[data-sample]")).to_have_count(2)
        expect(card(page, "samples").locator("[data-transcript]")).to_have_count(0)
        training = card(page, "training")
        expect(training).to_contain_text(
            "piper: step 1001 of 2000, 27 h 47 min left.", timeout=20_000
        )
        expect(training.locator("[data-loss=mel]")).to_contain_text("mel: 40 → 20")
        expect(training.get_by_role("button")).to_have_count(0)
        for name in ("Train from the recordings", "Stop"):
            expect(page.get_by_role("button", name=name)).to_have_count(0)
        meanwhile(lambda: end_job(job().id, State.FAILED, code="broken", message="It broke."))
        expect(training).to_contain_text("It broke.", timeout=20_000)


def begin_one_that_takes_hours() -> None:
    Sample.objects.update(transcript=said())
    working = begun(ask_training(Voice.objects.get(slug="brand", tenant__slug="acme")))
    far = {"step": 1_001, "steps": 2_000, "losses": {"mel": 20.0}, "seconds_left": 100_000.0}
    assert report_progress(working, 0.5, details=far)


def test_both_texts_to_read_aloud_are_on_the_page(
    program: str, desk: str, passwords: dict[str, str], pupil: str
) -> None:
    with signed_in_as("owner", program, desk, passwords["owner"]) as page:
        page.goto(pupil)
        for purpose in ("clone, 9 lines", "training, 36 lines"):
            text = page.locator("details").filter(has_text=f"A text to read aloud for a {purpose}")
            text.locator("summary").click()
            expect(text.locator("li").first).to_be_visible()
