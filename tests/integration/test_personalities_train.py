"""A personality's own voice is trained at the personality's address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs.models import Job
from personalities.models import Personality
from personalities.selectors import find_personality
from tenants.scopes import Scope
from tests.conftest import make_tenant
from tests.speech import keyed, make_voice, post, problem_of
from tests.trainings import offer_trainer, voice_with_words

if TYPE_CHECKING:
    from django.test import Client

    from tenants.models import Tenant
    from tests.speech import Answer
    from voices.models import Voice

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]

TRAIN = "/api/v1/personalities/marcel/voice/train"


@pytest.fixture(autouse=True)
def trainer(mimic: None) -> None:
    offer_trainer()


def give(tenant: Tenant, slug: str = "marcel", **columns: Any) -> Personality:
    found = find_personality(tenant.id, slug)
    Personality.objects.filter(id=found.id).update(**columns)
    return found


@pytest.fixture
def voice(tenant: Tenant) -> Voice:
    """Marcel's own, with words; he speaks with another."""
    voice = voice_with_words(tenant)
    give(tenant, voice=make_voice("amy"), own_voice=voice)
    return voice


def ask(client: Client, body: Any = None, **headers: str) -> Answer:
    return post(client, TRAIN, body or {}, **headers)


def test_it_is_a_training_of_his_own_voice_and_he_speaks_as_before(
    voice: Voice, tenant: Tenant, mine: Client
) -> None:
    answer = ask(mine, {"engine": "piper", "steps": 7})
    assert answer.status_code == 202, answer.json()
    shown = answer.json()
    assert answer.headers["Location"] == f"/api/v1/jobs/{shown['id']}"
    assert Job.objects.get(kind="train").request["own_voice"] == str(voice.id)
    assert shown["request"]["steps"] == 7
    told = mine.get("/api/v1/personalities/marcel/voice").json()
    assert (told["voice_name"], told["custom"]["status"]) == ("Amy", "training")


def test_without_a_voice_of_its_own_there_is_nothing_to_train(mine: Client) -> None:
    assert problem_of(ask(mine)) == (409, "own_voice_missing")


def test_one_that_is_erased_is_none(voice: Voice, mine: Client) -> None:
    mine.delete("/api/v1/voices/brand", headers={"If-Match": "*"})
    assert problem_of(ask(mine)) == (409, "own_voice_missing")


def test_another_voice_cannot_be_named(voice: Voice, mine: Client) -> None:
    assert problem_of(ask(mine, {"voice": "brand"})) == (400, "invalid_request")


def test_a_request_that_comes_twice_is_one_for_this_personality(
    voice: Voice, tenant: Tenant, mine: Client
) -> None:
    key = {"Idempotency_Key": "once"}
    first, again = ask(mine, **key), ask(mine, **key)
    assert (first.status_code, again.json()["id"]) == (202, first.json()["id"])
    give(tenant, "zac", own_voice=voice)
    other = post(mine, TRAIN.replace("marcel", "zac"), {}, **key)
    assert problem_of(other) == (409, "idempotency_conflict")
    assert Job.objects.filter(kind="train").count() == 1


def test_it_needs_the_scope_of_voices(voice: Voice, tenant: Tenant) -> None:
    others = [one for one in Scope if one != Scope.VOICES_WRITE]
    assert problem_of(ask(keyed(tenant, scopes=others))) == (403, "scope_missing")
    assert ask(keyed(tenant, scopes=[Scope.VOICES_WRITE])).status_code == 202


def test_another_tenants_personality_is_not_there(voice: Voice, tenant: Tenant) -> None:
    place = f"/api/v1/personalities/{find_personality(tenant.id, 'marcel').id}/voice/train"
    stranger = keyed(make_tenant("other"))
    assert problem_of(post(stranger, place, {})) == (404, "personality_not_found")
