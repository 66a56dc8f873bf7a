"""A training that came to nothing, asked for again: it goes on, or begins at its first step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs.models import Job
from jobs.services.endings import end_job
from jobs.states import State
from tenants.limits import LimitReachedError
from tests.ledger import ago, at_once, take
from tests.own import agree, withdraw
from tests.trainings import (
    CHECKPOINT_SHA256,
    ask_training,
    begun,
    checkpoints,
    offer_trainer,
    voice_with_words,
)
from voices.models import Voice
from voices.owning.checkpoints import forget_checkpoints
from voices.owning.errors import VoiceBusyError
from voices.owning.learning import note_losses
from voices.owning.making import Made, finish_making
from voices.owning.removals import is_named
from voices.store import checkpoint_name

if TYPE_CHECKING:
    from uuid import UUID

    from django.test import Client

    from tenants.models import Tenant

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]

STORED = {"sha256": CHECKPOINT_SHA256, "step": 1_000}


@pytest.fixture(autouse=True)
def trainer(mimic: None) -> None:
    offer_trainer()


@pytest.fixture
def voice(tenant: Tenant) -> Voice:
    return voice_with_words(tenant)


@pytest.fixture
def failed(voice: Voice) -> UUID:
    return fail(ask_training(voice))


def fail(job_id: UUID, state: State = State.FAILED, code: str = "disk_full") -> UUID:
    """After 1,500 steps; its checkpoint is of 1,000."""
    begun(job_id)
    note_losses(job_id, 1_500, {"mel": 13.0})
    assert end_job(job_id, state, code=code)
    Job.objects.update(created_at=ago(hours=2))
    return job_id


def stored(job_id: UUID) -> Any:
    return Job.objects.get(id=job_id).checkpoint


def go_on(voice: Voice, **asked: Any) -> Any:
    """What the worker of another training gets to go on from."""
    return take(ask_training(voice, **asked)).checkpoint


def test_asked_for_again_it_goes_on_from_its_last_checkpoint_with_its_curve(
    failed: UUID, voice: Voice, mine: Client
) -> None:
    again = ask_training(voice)
    shown = mine.get("/api/v1/voices/brand/training").json()
    assert (shown["job_id"], shown["step"]) == (str(again), 1_000)
    assert [loss["step"] for loss in shown["losses"]] == [500, 1_000]
    assert take(again).checkpoint == STORED
    assert stored(failed) is None


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED])
def test_so_does_one_that_was_cancelled_or_came_too_late(voice: Voice, state: State) -> None:
    fail(ask_training(voice), state, "")
    assert go_on(voice) == STORED


def test_so_does_the_next_and_the_next(failed: UUID, voice: Voice) -> None:
    second = ask_training(voice)
    assert end_job(second, State.FAILED, code="training_crashed")
    Job.objects.update(created_at=ago(hours=2))
    assert go_on(voice) == STORED
    assert (stored(failed), stored(second)) == (None, None)


def test_another_number_of_steps_begins_at_the_first(failed: UUID, voice: Voice) -> None:
    assert go_on(voice, steps=1_999) is None
    assert stored(failed) == STORED


def test_so_do_other_recordings(failed: UUID, voice: Voice) -> None:
    sample = voice.samples.first()
    assert sample
    assert go_on(voice, samples=[sample.id]) is None


def test_so_does_another_language(failed: UUID, voice: Voice) -> None:
    Voice.objects.filter(id=voice.id).update(language="en-US")
    assert go_on(voice) is None


def test_so_does_another_engine(failed: UUID, voice: Voice) -> None:
    offer_trainer(engine="other_training", trains="other")
    assert go_on(voice, engine="other") is None


def test_so_does_another_consent_which_a_withdrawal_would_not_reach(
    failed: UUID, voice: Voice
) -> None:
    agree(voice)
    assert go_on(voice) is None


def test_so_does_what_follows_a_withdrawal(failed: UUID, voice: Voice, tenant: Tenant) -> None:
    withdraw(voice)
    agree(voice)
    assert go_on(voice) is None
    assert checkpoints(tenant) == []


def test_so_does_what_follows_one_that_went_astray(voice: Voice) -> None:
    """From there it would again."""
    fail(ask_training(voice), code="training_diverged")
    assert go_on(voice) is None


def test_so_does_what_follows_a_success(voice: Voice) -> None:
    job = begun(ask_training(voice))
    assert finish_making(job, Made("a" * 64, 5, "d" * 64, more={"language": "en-GB"}))
    Job.objects.update(created_at=ago(hours=2))
    assert go_on(voice) is None


def test_another_voice_of_the_same_speech_begins_at_its_first_step(
    failed: UUID, tenant: Tenant
) -> None:
    assert go_on(voice_with_words(tenant, "second")) is None


def test_two_that_ask_at_once_do_not_share_it(failed: UUID, voice: Voice) -> None:
    def ask(_: int) -> bool:
        try:
            ask_training(voice)
        except VoiceBusyError:
            return False
        return True

    assert sorted(at_once(2, ask)) == [False, True]
    assert Job.objects.filter(checkpoint__sha256=CHECKPOINT_SHA256).count() == 1


def test_who_is_refused_leaves_it_where_it_is(failed: UUID, voice: Voice) -> None:
    Job.objects.update(created_at=ago(minutes=30))
    with pytest.raises(LimitReachedError):
        ask_training(voice)
    assert stored(failed) == STORED


def test_whoever_has_it_keeps_it_from_the_sweep_and_loses_it_by_a_withdrawal(
    failed: UUID, voice: Voice, tenant: Tenant, settings: Any
) -> None:
    settings.CHECKPOINT_HOURS = 0
    ask_training(voice)
    assert forget_checkpoints() == 0
    name = checkpoint_name(tenant.id, CHECKPOINT_SHA256)
    assert (is_named(name), checkpoints(tenant)) == (True, [name])
    withdraw(voice)
    assert (is_named(name), checkpoints(tenant)) == (False, [])


def test_the_sweep_takes_it_once_both_have_ended(
    failed: UUID, voice: Voice, tenant: Tenant, settings: Any
) -> None:
    end_job(ask_training(voice), State.CANCELLED)
    settings.CHECKPOINT_HOURS = 0
    assert (forget_checkpoints(), checkpoints(tenant)) == (1, [])
    Job.objects.update(created_at=ago(hours=2))
    assert go_on(voice) is None
