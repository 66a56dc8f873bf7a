"""Making a voice: from all that is covered, by an engine that fits it; and what follows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from jobs.models import Job, Offer
from jobs.services.workers import offer_engine
from jobs.states import State
from tenants.audit import PLATFORM
from tests.own import (
    add_sample,
    agree,
    ask_clone,
    clone,
    cloned_voice,
    own_voice,
    recording,
    say,
    withdraw,
)
from tests.speech import ENGINES, post, problem_of, speak
from tests.trainings import offer_trainer
from voices.models import Binding, Revision, Sample, Status
from voices.owning import erasing
from voices.owning.consents import withdraw_consent
from voices.owning.drafting import change_settings
from voices.owning.errors import SettingsRefusedError
from voices.owning.publishing import publish_draft
from voices.owning.stopping import end_jobs
from voices.selectors import forget_remembered

if TYPE_CHECKING:
    from django.test import Client

    from tenants.models import Tenant
    from voices.models import Voice

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]

CLONE = "/api/v1/jobs/clone"


@pytest.fixture
def voice(tenant: Tenant) -> Voice:
    """With a sample that a consent covers."""
    voice = own_voice(tenant)
    add_sample(voice)
    agree(voice)
    return voice


@pytest.fixture
def parrot(mimic: None) -> None:
    """Another engine that clones: it has a pitch, and no speed."""
    dials = {"pitch": {"low": -12, "high": 12, "default": 0}}
    about = ENGINES["mimic"] | {"engine": "parrot", "dials": dials}
    offer_engine(engine="parrot", queue="cpu", capabilities=about)
    forget_remembered()


def turn(voice: Voice, **settings: Any) -> None:
    change_settings(voice=voice, actor=PLATFORM, expected=None, settings=settings)


def test_a_clone_is_made_from_all_that_the_best_consent_covers(tenant: Tenant) -> None:
    voice = own_voice(tenant)
    three = [add_sample(voice, seed=seed, seconds=5) for seed in (1, 2, 3)]
    agree(voice)
    late = add_sample(voice, seed=4, seconds=2)
    agree(voice, samples=[late.id])
    job = Job.objects.get(id=ask_clone(voice))
    assert set(job.plan[0]["binding"]["samples"]) == {sample.sha256 for sample in three}


@pytest.mark.usefixtures("parrot")
def test_no_engine_is_taught_a_voice_whose_settings_it_cannot_express(
    voice: Voice, mine: Client
) -> None:
    turn(voice, speed=1.5)
    refused = post(mine, CLONE, {"voice": "brand", "engine": "parrot"})
    assert problem_of(refused) == (422, "setting_unsupported")
    assert post(mine, CLONE, {"voice": "brand", "engine": "mimic"}).status_code == 202


@pytest.mark.usefixtures("parrot")
def test_while_it_is_taught_the_settings_are_those_that_its_engine_has(voice: Voice) -> None:
    ask_clone(voice, engine="mimic")
    with pytest.raises(SettingsRefusedError):
        turn(voice, pitch=3)
    turn(voice, speed=1.5)


def test_who_can_be_trained_to_speak_a_voice_vouches_for_its_settings_as_who_clones(
    voice: Voice,
) -> None:
    dials = {"pitch": {"low": -12, "high": 12, "default": 0}}
    about = ENGINES["mimic"] | {"engine": "piper", "dials": dials, "clones": False}
    offer_engine(engine="piper", queue="cpu", capabilities=about)
    forget_remembered()
    with pytest.raises(SettingsRefusedError):
        turn(voice, pitch=3)
    offer_trainer()
    turn(voice, pitch=3)
    with pytest.raises(SettingsRefusedError):
        turn(voice, stability=0.2, style=0.7)


@pytest.mark.usefixtures("parrot")
def test_a_speaker_who_withdrew_vouches_for_no_setting(voice: Voice, mine: Client) -> None:
    clone(voice, engine="mimic")
    turn(voice, speed=1.5)
    withdraw_consent(consent=voice.consents.get(), actor=PLATFORM)
    agree(voice)
    refused = post(mine, CLONE, {"voice": "brand", "engine": "parrot"})
    assert problem_of(refused) == (422, "setting_unsupported")


def test_defaults_are_never_refused_also_where_the_engine_is_gone(
    voice: Voice, mine: Client
) -> None:
    clone(voice)
    path = "/api/v1/voices/brand/settings"
    defaults = mine.get(path).json()["settings"]
    Offer.objects.all().delete()
    forget_remembered()
    put = mine.put(path, defaults, content_type="application/json", headers={"If-Match": "*"})
    assert put.status_code == 200, put.json()
    turned = defaults | {"speed": 1.5}
    put = mine.put(path, turned, content_type="application/json", headers={"If-Match": "*"})
    assert problem_of(put) == (422, "engine_unknown")


def test_an_engine_without_a_model_clones_nothing_and_says_why(voice: Voice, mine: Client) -> None:
    bare = ENGINES["mimic"] | {"models": []}
    Offer.objects.filter(engine="mimic").update(capabilities=bare)
    forget_remembered()
    refused = post(mine, CLONE, {"voice": "brand"})
    assert problem_of(refused) == (422, "voice_not_installed")


def test_a_trainer_that_lacks_its_files_says_where_to_read_of_them(
    voice: Voice, mine: Client
) -> None:
    offer_trainer(engine="xtts_v2_training", trains="xtts_v2", models=())
    refused = post(mine, "/api/v1/jobs/train", {"voice": "brand"})
    assert problem_of(refused) == (422, "voice_not_installed")
    assert "nothing to train xtts_v2 from: docs/training.md" in refused.json()["detail"]


def test_a_voice_that_is_published_after_a_withdrawal_is_ready_again(
    voice: Voice, mine: Client
) -> None:
    first = voice.consents.get()
    clone(voice)
    agree(voice, "Again")
    clone(voice)  # a draft under the second consent
    withdraw_consent(consent=first, actor=PLATFORM)
    voice.refresh_from_db()
    assert voice.status == Status.FAILED
    published = mine.post("/api/v1/voices/brand/publish", headers={"If-Match": "*"})
    assert (published.json()["status"], published.json()["trouble"]) == ("ready", "")
    assert speak(say(mine)).state == State.SUCCEEDED


def test_a_voice_that_is_rolled_back_after_a_withdrawal_is_ready_again(
    voice: Voice, mine: Client
) -> None:
    clone(voice)
    second = agree(voice, "Again")
    clone(voice)
    publish_draft(voice=voice, actor=PLATFORM, expected=None)
    withdraw_consent(consent=second, actor=PLATFORM)
    voice.refresh_from_db()
    assert voice.status == Status.FAILED
    back = mine.post("/api/v1/voices/brand/rollback", headers={"If-Match": "*"})
    assert (back.json()["status"], back.json()["trouble"]) == ("ready", "")


def test_publishing_while_a_clone_is_made_leaves_it_in_the_making(voice: Voice) -> None:
    clone(voice)
    turn(voice, speed=1.5)
    ask_clone(voice)
    published = publish_draft(voice=voice, actor=PLATFORM, expected=None)
    assert published.status == Status.TRAINING


def test_forgetting_the_clone_leaves_the_samples_that_are_examined(
    tenant: Tenant, mine: Client
) -> None:
    voice = cloned_voice(tenant)
    file = SimpleUploadedFile("new.wav", recording(3, 9))
    assert mine.post("/api/v1/voices/brand/samples", {"file": file}).status_code == 202
    waiting = say(mine)
    erasing.revert_voice(voice=voice, actor=PLATFORM, expected=None)
    sample = Sample.objects.get(name="new.wav")
    assert sample.state == Sample.State.PROBING
    assert Job.objects.get(request__sample=str(sample.id)).ended_at is None
    assert Job.objects.get(id=waiting).error_code == "voice_reverted"


def test_who_asks_for_a_clone_as_the_old_one_is_forgotten_gets_it(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = cloned_voice(tenant)
    asked: list[str] = []

    def late(*args: Any) -> None:
        asked.append(ask_clone(voice))
        end_jobs(*args)

    monkeypatch.setattr(erasing, "end_jobs", late)
    erasing.revert_voice(voice=voice, actor=PLATFORM, expected=None)
    assert speak(asked[0]).state == State.SUCCEEDED
    assert voice.revisions.filter(state=Revision.State.PUBLISHED).count() == 1


def test_what_was_made_under_a_withdrawn_consent_does_not_come_along(tenant: Tenant) -> None:
    voice = cloned_voice(tenant)
    Binding.objects.filter(revision__voice=voice).update(engine="parrot")
    withdraw(voice)
    agree(voice)
    clone(voice)
    spoken = Binding.objects.filter(revision__voice=voice, revision__state="published")
    assert [binding.engine for binding in spoken] == ["mimic"]


def test_where_no_engine_clones_one_is_told_so(voice: Voice, mine: Client) -> None:
    Offer.objects.filter(engine="mimic").delete()
    forget_remembered()
    refused = post(mine, CLONE, {"voice": "brand"})
    assert problem_of(refused) == (422, "cloning_unsupported")
