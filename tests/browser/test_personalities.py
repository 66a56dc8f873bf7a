"""A personality is made at the desk: its prompt follows what is typed and slid."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.sample_place import Place

pytestmark = pytest.mark.browser

LIST = "/admin/personalities/personality/"


def test_a_personality_is_made_and_its_prompt_changes_as_one_types(
    signed_in: Page, place: Place
) -> None:
    signed_in.goto(f"{LIST}add/")
    prompt = signed_in.locator("#prompt")
    signed_in.get_by_label("Tenant").select_option(str(place.tenant.id))
    signed_in.get_by_label("Name", exact=False).first.fill("Ada <b>")
    expect(prompt).to_contain_text("You are Ada <b>.")
    signed_in.locator("#id_empathy").press("Home")
    expect(prompt).to_contain_text("You keep to the facts and leave feelings out of it.")
    expect(signed_in.locator("#id_empathy + output")).to_have_text("Keeps to the facts")
    signed_in.locator("#id_age").fill("7")
    expect(signed_in.locator("#prompt-told")).to_contain_text("16")
    signed_in.locator("#id_age").fill("34")
    signed_in.locator("#id_opening_phrases").fill("Good to see you!\nHello.")
    expect(prompt).to_contain_text("- Good to see you!\n- Hello.")
    signed_in.locator("#id_active").check()
    signed_in.get_by_role("button", name="Save", exact=True).click()
    expect(signed_in).to_have_url(re.compile(f"{LIST}$"))
    signed_in.locator("#result_list").get_by_role("link", name="Ada <b>").click()
    expect(prompt).to_contain_text("You are Ada <b>, 34 years old.")
    with signed_in.expect_download() as download:
        signed_in.get_by_role("link", name="Export").click()
    assert download.value.suggested_filename == "ada-b.personality.json"
    signed_in.get_by_role("button", name="Make primary").click()
    expect(signed_in.locator("#personality-head .vm-badge")).to_have_text("primary")
