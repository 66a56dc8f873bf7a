"""What a draft holds: nothing that fell, and nothing that another making has taken the place of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs.models import Job
from jobs.services.workers import offer_engine
from jobs.states import State
from tenants.audit import PLATFORM
from tests.ledger import ago
from tests.own import add_sample, agree, clone, own_voice, say
from tests.speech import ENGINES, post, speak
from tests.trainings import ask_training, begun, offer_trainer, voice_with_words
from voices.models import Artifact
from voices.owning.consents import withdraw_consent
from voices.owning.drafting import change_settings
from voices.owning.making import Made, finish_making
from voices.owning.speaking import read_own_voice
from voices.selectors import forget_remembered
from voices.storage import audio_store

if TYPE_CHECKING:
    from django.test import Client

    from tenants.models import Tenant
    from voices.models import Consent, Sample, Voice

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]

HEARD = "/api/v1/voices/brand/audition"
TRAINING = "/api/v1/voices/brand/training"


@pytest.fixture
def voice(tenant: Tenant) -> Voice:
    """With four recordings, any of which a clone may be made of."""
    voice = own_voice(tenant)
    for seed in range(1, 5):
        add_sample(voice, seed=seed)
    agree(voice)
    return voice


def clone_of(voice: Voice, seed: int) -> str:
    """By the one recording, so that no two are alike."""
    sample: Sample = voice.samples.get(name=f"take {seed}.wav")
    return str((clone(voice, samples=[sample.id]).result or {})["artifact"])


def press(client: Client, deed: str) -> Any:
    return client.post(f"/api/v1/voices/brand/{deed}", headers={"If-Match": "*"})


def kept(tenant: Tenant) -> set[str]:
    """Which artifacts there are, in the table and in the store alike."""
    names = [one.name for one in audio_store().names(f"{tenant.id}/")]
    stored = {name.split("/")[-1].split(".")[0] for name in names if name.endswith(".voice")}
    assert stored == set(Artifact.objects.values_list("sha256", flat=True))
    return stored


def spoken_with(voice: Voice) -> set[tuple[str, str]]:
    """By which engines the draft is spoken, and with what."""
    found = read_own_voice(voice.id, draft=True)
    assert found is not None
    return {(bound.engine, bound.artifact) for bound in found.bindings}


def withdraw(consent: Consent) -> None:
    withdraw_consent(consent=consent, actor=PLATFORM)


# What fell leaves the draft.


def test_a_withdrawn_training_in_the_draft_is_in_the_way_of_no_other(
    tenant: Tenant, mine: Client
) -> None:
    offer_trainer()
    speaks = ENGINES["mimic"] | {"engine": "piper", "clones": False, "trained": True, "models": []}
    offer_engine(engine="piper", queue="cpu", capabilities=speaks)
    forget_remembered()
    voice = voice_with_words(tenant)
    cloned = (clone(voice).result or {})["artifact"]
    second = agree(voice, "Again")  # the newest that covers all is taken
    assert finish_making(begun(ask_training(voice)), Made("a" * 64, 5, "d" * 64))
    withdraw(second)
    assert spoken_with(voice) == {("mimic", cloned)}
    Job.objects.update(created_at=ago(hours=2))
    assert finish_making(begun(ask_training(voice)), Made("b" * 64, 5, "d" * 64))
    assert spoken_with(voice) == {("mimic", cloned), ("piper", "b" * 64)}
    assert len(mine.get(TRAINING).json()["previews"]) == 3
    answer = press(mine, "publish")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")


def test_what_fell_in_the_draft_is_again_as_it_is_published(voice: Voice, mine: Client) -> None:
    published = clone_of(voice, 1)
    second = agree(voice, "Again")
    assert spoken_with(voice) == {("mimic", published)}
    assert clone_of(voice, 2) != published
    withdraw(second)
    assert spoken_with(voice) == {("mimic", published)}
    assert press(mine, "publish").status_code == 200


def test_settings_that_are_turned_after_a_withdrawal_are_published_without_what_fell(
    tenant: Tenant, mine: Client
) -> None:
    offer_trainer()
    voice = voice_with_words(tenant)
    clone(voice)
    second = agree(voice, "Again")
    assert finish_making(begun(ask_training(voice)), Made("a" * 64, 5, "d" * 64))
    assert press(mine, "publish").status_code == 200
    withdraw(second)
    change_settings(voice=voice, actor=PLATFORM, expected=None, settings={"speed": 1.5})
    answer = press(mine, "publish")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert speak(say(mine)).state == State.SUCCEEDED


# What was made for a draft stays as long as anything can speak with it.


def test_what_another_making_took_the_place_of_leaves_the_store(
    tenant: Tenant, voice: Voice
) -> None:
    published, first = clone_of(voice, 1), clone_of(voice, 2)
    assert kept(tenant) == {published, first}
    second = clone_of(voice, 3)
    assert kept(tenant) == {published, second}
    assert spoken_with(voice) == {("mimic", second)}


def test_the_same_made_again_stays(tenant: Tenant, voice: Voice) -> None:
    published, first = clone_of(voice, 1), clone_of(voice, 2)
    assert clone_of(voice, 2) == first
    assert kept(tenant) == {published, first}
    assert clone_of(voice, 1) == published
    assert kept(tenant) == {published}


def test_what_was_published_before_stays_and_can_be_gone_back_to(
    tenant: Tenant, voice: Voice, mine: Client
) -> None:
    made = {clone_of(voice, 1), clone_of(voice, 2)}
    assert press(mine, "publish").status_code == 200
    made.add(clone_of(voice, 3))
    assert kept(tenant) == made
    assert press(mine, "rollback").status_code == 200
    assert speak(say(mine)).state == State.SUCCEEDED


def test_what_a_job_under_way_speaks_with_stays_until_the_next_making(
    tenant: Tenant, voice: Voice, mine: Client
) -> None:
    published, first = clone_of(voice, 1), clone_of(voice, 2)
    waiting = post(mine, HEARD, {"text": "Hello."}).json()["id"]
    second = clone_of(voice, 3)
    assert kept(tenant) == {published, first, second}
    assert speak(waiting).state == State.SUCCEEDED
    third = clone_of(voice, 4)
    assert kept(tenant) == {published, third}
