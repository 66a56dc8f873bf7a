"""How voices are asked for: by id, by a slug that is no id, one's own also while it is silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tenants.audit import PLATFORM
from tests.own import own_voice
from tests.speech import make_voice, post, problem_of
from voices.models import Voice
from voices.owning.describing import change_voice
from voices.owning.errors import SlugUnfitError
from voices.selectors import find_voice

if TYPE_CHECKING:
    from django.test import Client

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)

VOICES = "/api/v1/voices"


@pytest.mark.parametrize("written", [str, lambda one: one.hex])
def test_no_slug_is_an_id(tenant: Tenant, mine: Client, written: type[str]) -> None:
    stock = make_voice("stocky")
    body = {"slug": written(stock.id), "name": "Mine", "language": "en"}
    assert problem_of(post(mine, VOICES, body)) == (422, "slug_unfit")
    assert mine.get(f"{VOICES}/{stock.id}").json()["name"] == "Stocky"


@pytest.mark.parametrize("slug", ["", "a", "Brand", "ada_b", "brand-"])
def test_a_slug_is_plain_whoever_asks_for_it(tenant: Tenant, slug: str) -> None:
    with pytest.raises(SlugUnfitError):
        own_voice(tenant, slug)


def test_who_asks_by_id_is_given_no_voice_that_is_only_called_so(tenant: Tenant) -> None:
    stock = make_voice("stocky")
    make_voice(str(stock.id), tenant=tenant)
    assert find_voice(tenant.id, str(stock.id)) == stock


def test_ones_own_voice_that_is_switched_off_is_seen_and_says_so(
    tenant: Tenant, mine: Client
) -> None:
    voice = own_voice(tenant)
    assert mine.get(f"{VOICES}/brand").json()["active"] is True
    change_voice(voice=voice, actor=PLATFORM, expected=None, active=False)
    shown = mine.get(f"{VOICES}/brand")
    assert (shown.status_code, shown.json()["active"]) == (200, False)
    assert shown.headers["ETag"] == '"2"'
    assert mine.get(VOICES).json() == []


def test_a_stock_voice_that_is_switched_off_is_not_there(mine: Client) -> None:
    make_voice("stocky", active=False)
    assert problem_of(mine.get(f"{VOICES}/stocky")) == (404, "voice_not_found")


@pytest.mark.parametrize("path", ["samples", "settings", "consents", "scorecard"])
def test_what_only_ones_own_voice_has_a_stock_voice_refuses_as_such(
    mine: Client, path: str
) -> None:
    make_voice("stocky")
    assert problem_of(mine.get(f"{VOICES}/stocky/{path}")) == (403, "stock_voice")
    hearing = post(mine, f"{VOICES}/stocky/audition", {"text": "Hello."})
    assert problem_of(hearing) == (403, "stock_voice")
    assert Voice.objects.count() == 1
