"""A day at the desk: sign in, look around, stop a job, hear another, hand out a key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.sample_place import Place

pytestmark = pytest.mark.browser

TOKEN = re.compile(r"^vm_[a-z0-9]{12}_[\w-]{40,}$")


def job_page(place: Place, state: str) -> str:
    return f"/admin/jobs/job/{place.jobs[state]}/change/"


def test_the_first_page_says_what_runs_and_what_failed(signed_in: Page, place: Place) -> None:
    expect(signed_in.get_by_role("link", name="Running now")).to_contain_text("2")
    expect(signed_in.get_by_role("link", name="Failed today")).to_contain_text("1")
    signed_in.get_by_role("link", name="Failed today").click()
    rows = signed_in.locator("#result_list .data-row")
    expect(rows).to_have_count(1)
    rows.get_by_role("link").first.click()
    expect(signed_in).to_have_url(re.compile(str(place.jobs["failed"])))
    expect(signed_in.get_by_text("It stopped in mid-sentence.")).to_be_visible()


def test_a_job_is_cancelled_after_a_question(signed_in: Page, place: Place) -> None:
    signed_in.goto(job_page(place, "queued"))
    with signed_in.expect_event("dialog") as asked:
        signed_in.get_by_role("button", name="Cancel").click()
    assert "Cancel this job?" in asked.value.message
    expect(signed_in.get_by_text("Job cancelled.")).to_be_visible()
    expect(signed_in.locator(".vm-badge").first).to_have_text("cancelled")
    expect(signed_in.get_by_role("button", name="Cancel")).to_have_count(0)


def test_a_failed_job_is_tried_again_as_a_new_one(signed_in: Page, place: Place) -> None:
    signed_in.goto(job_page(place, "failed"))
    signed_in.get_by_role("button", name="Retry").click()
    expect(signed_in.get_by_text("This is the new job")).to_be_visible()
    expect(signed_in.locator(".vm-badge").first).to_have_text("in line")
    expect(signed_in.get_by_role("link", name=str(place.jobs["failed"]))).to_be_visible()


def test_a_finished_job_can_be_heard_and_downloaded(signed_in: Page, place: Place) -> None:
    signed_in.goto(job_page(place, "succeeded"))
    seconds = signed_in.wait_for_function(
        "() => { const d = document.querySelector('audio').duration; return d > 0 && d }"
    )
    assert seconds.json_value() == pytest.approx(3.7, abs=1)
    with signed_in.expect_download() as download:
        signed_in.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes()[:4] == b"RIFF"
    assert download.value.suggested_filename.endswith(".wav")


def test_a_key_is_issued_and_its_token_seen_once(signed_in: Page, place: Place) -> None:
    signed_in.goto(f"/admin/tenants/tenant/{place.tenant.id}/change/")
    signed_in.get_by_role("link", name="New key").click()
    signed_in.get_by_label("Name").fill("night shift")
    signed_in.get_by_label("See what was used and what it cost").uncheck()
    signed_in.get_by_role("button", name="Issue the key").click()
    token = signed_in.get_by_label("The key").input_value()
    assert TOKEN.match(token)
    signed_in.get_by_role("link", name="Done, I have it").click()
    expect(signed_in.get_by_text("night shift")).to_be_visible()
    assert token not in signed_in.content()


def test_pressing_enter_in_a_tenants_form_saves_it_and_touches_no_key(
    signed_in: Page, place: Place
) -> None:
    signed_in.goto(f"/admin/tenants/tenant/{place.tenant.id}/change/")
    signed_in.get_by_label("Name*").press("Enter")
    expect(signed_in.get_by_text("was changed successfully")).to_be_visible()
    signed_in.goto(f"/admin/tenants/tenant/{place.tenant.id}/change/")
    expect(signed_in.get_by_text("revoked", exact=True)).to_have_count(1)


def test_jobs_chosen_in_the_list_are_cancelled_together(signed_in: Page, place: Place) -> None:
    signed_in.goto("/admin/jobs/job/")
    for state in ("waiting", "rung"):
        signed_in.locator(f"input.action-select[value='{place.jobs[state]}']").check()
    signed_in.get_by_label("Select action to run").select_option(label="Cancel")
    signed_in.get_by_role("button", name="Run").click()
    expect(signed_in.get_by_text("2 cancelled", exact=True)).to_be_visible()


def test_no_page_is_wider_than_a_phone(signed_in: Page, place: Place) -> None:
    signed_in.set_viewport_size({"width": 390, "height": 844})
    paths = ["/admin/", "/admin/jobs/job/", "/admin/jobs/worker/", "/admin/voices/voice/"]
    paths += [job_page(place, "failed"), job_page(place, "succeeded"), "/admin/jobs/usage/"]
    paths += ["/admin/operations/"]
    paths += [f"/admin/tenants/tenant/{place.tenant.id}/change/", "/api/docs"]
    for path in paths:
        signed_in.goto(path)
        width = signed_in.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, path
