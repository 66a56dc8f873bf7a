"""How a training goes on and ends: what is told of it, what stays, and what leaves the store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from gpu_worker.checkpoints import keep_checkpoint
from jobs.keeper import Held
from jobs.models import Event, Job
from jobs.patience import LeaseOverError
from jobs.services.endings import cancel_job, end_job
from jobs.services.progress import report_progress
from jobs.services.workers import offer_engine
from jobs.states import State
from tenants.audit import PLATFORM
from tenants.models import AuditLine
from tests.conftest import make_tenant
from tests.ledger import ago
from tests.own import apart, clone, withdraw
from tests.speech import ENGINES, post, problem_of
from tests.trainings import (
    CHECKPOINT_SHA256,
    REPORT,
    ask_training,
    begun,
    checkpoints,
    offer_trainer,
    said,
    voice_with_words,
)
from voices.admin.page import VoicePage
from voices.models import Loss, Making
from voices.named import named_among
from voices.owning.checkpoints import forget_checkpoints
from voices.owning.erasing import erase_voice
from voices.owning.learning import note_losses
from voices.owning.making import Made, finish_making
from voices.owning.previews import SETS
from voices.owning.removals import is_named, remove_now
from voices.selectors import forget_remembered
from voices.store import checkpoint_name
from voices.sweeps import remove_orphans

if TYPE_CHECKING:
    import threading
    from pathlib import Path
    from uuid import UUID

    from django.contrib.auth.models import User
    from django.test import Client, RequestFactory

    from tenants.models import Tenant
    from voices.models import Voice

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]

TRAINING = "/api/v1/voices/brand/training"


@pytest.fixture(autouse=True)
def trainer(mimic: None) -> None:
    offer_trainer()


@pytest.fixture
def voice(tenant: Tenant) -> Voice:
    return voice_with_words(tenant)


def status(voice: Voice) -> tuple[str, str]:
    voice.refresh_from_db()
    return voice.status, voice.trouble


def told(name: str) -> int:
    return Event.objects.filter(name=name).count()


def test_how_it_goes_is_told_with_its_curve(voice: Voice, mine: Client) -> None:
    assert problem_of(mine.get(TRAINING)) == (404, "training_not_found")
    job_id = ask_training(voice)
    before = mine.get(TRAINING).json()
    assert (before["state"], before["dataset"], before["losses"]) == ("queued", None, [])
    begun(job_id)
    assert mine.get(TRAINING).json() == {
        "job_id": str(job_id),
        "state": "running",
        "engine": "piper",
        "error": None,
        "progress": 0.5,
        "step": 1_000,
        "steps": 2_000,
        "seconds_left": 60.0,
        "dataset": REPORT,
        "losses": [
            {"step": 500, "losses": {"mel": 40.0}},
            {"step": 1_000, "losses": {"mel": 20.0}},
        ],
        "previews": [],
    }


def test_each_event_of_its_progress_has_the_step_and_the_losses(voice: Voice) -> None:
    begun(ask_training(voice))
    event = Event.objects.get(name="job.progress")
    assert event.data == {
        "progress": 0.5,
        "step": 1_000,
        "steps": 2_000,
        "losses": {"mel": 20.0},
        "seconds_left": 60.0,
    }


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_one_that_came_to_nothing_says_why_and_may_be_asked_for_again(
    tenant: Tenant, voice: Voice, mine: Client, state: State
) -> None:
    job_id = ask_training(voice)
    begun(job_id)
    if state == State.FAILED:
        end_job(job_id, state, code="dataset_too_small", message="Record two minutes more.")
        assert status(voice) == ("failed", "Record two minutes more.")
    else:
        cancel_job(tenant_id=tenant.id, job_id=job_id)
        end_job(job_id, state)
        assert status(voice) == ("none", "")
    assert told("voice.failed") == (state == State.FAILED)
    shown = mine.get(TRAINING).json()
    assert (shown["state"], shown["step"], shown["seconds_left"]) == (state, 1_000, None)
    why = {"code": "dataset_too_small", "message": "Record two minutes more."}
    assert shown["error"] == (why if state == State.FAILED else None)
    assert voice.samples.count() == 2
    Job.objects.update(created_at=ago(hours=2))
    assert post(mine, "/api/v1/jobs/train", {"voice": "brand"}).status_code == 202


def test_a_voice_that_speaks_goes_on_where_its_training_fails(voice: Voice) -> None:
    clone(voice)
    end_job(ask_training(voice), State.FAILED, code="broken", message="It broke.")
    assert status(voice) == ("ready", "It broke.")


def test_what_was_trained_becomes_a_voice_with_its_report(voice: Voice, mine: Client) -> None:
    job_id = ask_training(voice)
    about = {"steps": 2_000, "clips": 3, "base": "scratch", "batch": 8}
    made = Made("a" * 64, 5, "d" * 64, more={"language": "en-GB", "seed": 1, **about})
    assert finish_making(begun(job_id), made)
    assert status(voice) == ("ready", "")
    assert told("voice.ready") == 1
    assert AuditLine.objects.filter(action="voice.trained").count() == 1
    assert mine.get(TRAINING).json()["state"] == "succeeded"
    [card] = mine.get("/api/v1/voices/brand/scorecard").json()["clones"]
    assert card == {
        "engine": "piper",
        "kind": "train",
        "state": "published",
        "likeness": "not measured",
        "about": about,
    }


def test_it_stands_on_the_scorecard_beside_the_clone_while_it_waits_in_the_draft(
    voice: Voice, mine: Client, rf: RequestFactory, admin_user: User
) -> None:
    clone(voice)
    base = {"name": "en-base", "sha256": "b" * 64}
    about = {"language": "en-GB", "steps": 2_000, "seconds": 180.0, "base": base, "batch": 8}
    made = Made("a" * 64, 5, "d" * 64, more=about)
    assert finish_making(begun(ask_training(voice)), made)
    assert made_by(mine) == [("mimic", "clone", "published"), ("piper", "train", "draft")]
    looked = rf.get("/")
    looked.user = admin_user
    shown = VoicePage(voice, looked).scorecard
    assert "Likeness, mimic" in shown
    assert shown["Trained, piper, draft"] == "2,000 steps, 3.0 min of speech, from en-base"
    mine.post("/api/v1/voices/brand/publish", headers={"If-Match": "*"})
    assert {state for *_, state in made_by(mine)} == {"published"}


def made_by(mine: Client) -> list[tuple[str, str, str]]:
    cards = mine.get("/api/v1/voices/brand/scorecard").json()["clones"]
    return [(card["engine"], card["kind"], card["state"]) for card in cards]


def test_one_that_has_ended_shows_its_last_step_whoever_was_not_told_of_it(
    voice: Voice, mine: Client
) -> None:
    job_id = ask_training(voice)
    job = begun(job_id)
    note_losses(job_id, 2_000, {"mel": 10.0})
    assert mine.get(TRAINING).json()["step"] == 1_000
    assert finish_making(job, Made("a" * 64, 5, "d" * 64, more={"language": "en-GB"}))
    assert mine.get(TRAINING).json()["step"] == 2_000


def test_the_time_left_stays_when_a_checkpoint_is_told(voice: Voice, mine: Client) -> None:
    job = begun(ask_training(voice))
    checkpoint = {"sha256": CHECKPOINT_SHA256, "step": 1_001}
    report_progress(job, 0.5, checkpoint, {"step": 1_001, "steps": 2_000})
    shown = mine.get(TRAINING).json()
    assert (shown["step"], shown["seconds_left"]) == (1_001, 60.0)
    report_progress(job, 0.0, details={"step": 0, "steps": 2_000, "begun_anew": "checkpoint_unfit"})
    shown = mine.get(TRAINING).json()
    assert (shown["step"], shown["seconds_left"]) == (0, None)


# What is said in recordings is with these alone, once nobody has to learn from it.


def words_in_plan(job_id: UUID) -> bool:
    return said()["text"] in str(Job.objects.get(id=job_id).plan)


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.EXPIRED])
def test_words_leave_the_plan_of_one_that_came_to_nothing(voice: Voice, state: State) -> None:
    job_id = ask_training(voice)
    begun(job_id)
    assert words_in_plan(job_id)
    end_job(job_id, state, code="broken", message="It broke.")
    assert not words_in_plan(job_id)
    assert voice.samples.exclude(transcript=None).count() == 2


def test_words_leave_the_plan_of_one_that_is_done_and_the_rest_of_it_stays(voice: Voice) -> None:
    job_id = ask_training(voice)
    job = begun(job_id)
    assert words_in_plan(job_id)
    assert finish_making(job, Made("a" * 64, 5, "d" * 64, more={"language": "en-GB"}))
    [step] = Job.objects.get(id=job_id).plan
    kept = {name: one for name, one in job.binding.items() if name != "heard"}
    assert (step["engine"], step["binding"]) == ("piper_training", kept)


# What is stopped for good leaves nothing.


def test_a_withdrawal_ends_it_and_takes_its_checkpoint(voice: Voice, tenant: Tenant) -> None:
    job_id = ask_training(voice)
    begun(job_id)
    assert checkpoints(tenant)
    withdraw(voice)
    job = Job.objects.get(id=job_id)
    assert (job.state, job.error_code) == (State.FAILED, "consent_withdrawn")
    assert (job.checkpoint, checkpoints(tenant)) == (None, [])


def test_a_withdrawal_takes_the_checkpoint_of_one_that_had_failed_before(
    voice: Voice, tenant: Tenant
) -> None:
    job_id = ask_training(voice)
    begun(job_id)
    end_job(job_id, State.FAILED, code="broken", message="It broke.")
    assert checkpoints(tenant)
    withdraw(voice)
    assert checkpoints(tenant) == []


def test_an_erasure_ends_it_and_leaves_nothing(voice: Voice, tenant: Tenant) -> None:
    job_id = ask_training(voice)
    begun(job_id)
    erase_voice(voice=voice, actor=PLATFORM, expected=None)
    job = Job.objects.get(id=job_id)
    assert (job.state, job.checkpoint) == (State.FAILED, None)
    assert said()["text"] not in f"{job.plan} {job.request}"
    assert not Loss.objects.exists()
    assert not Making.objects.exists()
    assert checkpoints(tenant) == []


def test_a_voice_that_is_taken_back_leaves_nothing_of_it(
    voice: Voice, tenant: Tenant, mine: Client
) -> None:
    job_id = ask_training(voice)
    begun(job_id)
    assert mine.delete("/api/v1/voices/brand/custom", headers={"If-Match": "*"}).status_code < 300
    job = Job.objects.get(id=job_id)
    assert (job.state, job.error_code) == (State.FAILED, "voice_reverted")
    assert (job.checkpoint, checkpoints(tenant)) == (None, [])
    assert not Loss.objects.exists()
    assert status(voice) == ("none", "")
    assert problem_of(mine.get(TRAINING)) == (404, "training_not_found")


def test_a_loss_that_is_noted_while_the_voice_is_taken_back_is_waited_for(
    voice: Voice, mine: Client
) -> None:
    job_id = ask_training(voice)
    begun(job_id)
    late: list[threading.Thread] = []

    def note_between(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith('DELETE FROM "voices_making"') and not late:
            late.append(apart(lambda: note_losses(job_id, 1_001, {"mel": 1.0})))
            late[0].start()
            late[0].join(0.5)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note_between):
        answer = mine.delete("/api/v1/voices/brand/custom", headers={"If-Match": "*"})
    late[0].join(10)
    assert answer.status_code < 300
    assert not Loss.objects.exists()


def test_a_worker_that_is_late_can_store_no_step_any_more(
    voice: Voice, tenant: Tenant, tmp_path: Path
) -> None:
    job = begun(ask_training(voice))
    withdraw(voice)
    assert report_progress(job, 0.75, {"sha256": "a" * 64, "step": 1_500}) is False
    file = tmp_path / "1500.ckpt"
    file.write_bytes(b"too late")
    event = {"file": str(file), "step": 1_500, "base": "scratch", "data": "d" * 64}
    with pytest.raises(LeaseOverError):
        keep_checkpoint(job, Held(job, time.monotonic() + 60), event, {}, tmp_path)
    assert Job.objects.get(id=job.id).checkpoint is None
    assert checkpoints(tenant) == []


# Checkpoints stay as long as somebody may need them.


def test_a_checkpoint_is_named_by_its_job_alone(
    voice: Voice, tenant: Tenant, settings: Any
) -> None:
    begun(ask_training(voice))
    name = checkpoint_name(tenant.id, CHECKPOINT_SHA256)
    stranger = checkpoint_name(make_tenant("other").id, CHECKPOINT_SHA256)
    assert (is_named(name), is_named(stranger)) == (True, False)
    assert named_among([name]) == {name}
    remove_now([name])
    settings.ORPHAN_HOURS = -1
    remove_orphans()
    assert checkpoints(tenant) == [name]


def test_the_sweep_takes_checkpoints_a_while_after_the_end(
    voice: Voice, tenant: Tenant, settings: Any
) -> None:
    settings.CHECKPOINT_HOURS = 24
    job_id = ask_training(voice)
    begun(job_id)
    Job.objects.update(created_at=ago(hours=99))
    assert forget_checkpoints() == 0
    end_job(job_id, State.FAILED, code="broken", message="It broke.")
    Job.objects.update(ended_at=ago(hours=23))
    assert (forget_checkpoints(), len(checkpoints(tenant))) == (0, 1)
    Job.objects.update(ended_at=ago(hours=25))
    assert (forget_checkpoints(dry_run=True), len(checkpoints(tenant))) == (1, 1)
    assert (forget_checkpoints(), checkpoints(tenant)) == (1, [])
    assert forget_checkpoints() == 0


def train_by_piper(voice: Voice) -> None:
    """To its end, where a worker with Piper speaks what was trained."""
    speaks = ENGINES["mimic"] | {"engine": "piper", "clones": False, "trained": True, "models": []}
    offer_engine(engine="piper", queue="cpu", capabilities=speaks)
    forget_remembered()
    made = Made("a" * 64, 5, "d" * 64, more={"language": "en-GB"})
    assert finish_making(begun(ask_training(voice)), made)


def test_a_trained_voice_says_a_few_sentences_by_itself(voice: Voice, mine: Client) -> None:
    """By the engine that was trained, and they are there to be compared with another's."""
    train_by_piper(voice)
    previews = mine.get(TRAINING).json()["previews"]
    assert [one["text"] for one in previews] == SETS["en"]
    for one in previews:
        job = Job.objects.get(id=one["job_id"])
        assert [step["engine"] for step in job.plan] == ["piper"]
        assert one["audio_url"] == f"/api/v1/jobs/{job.id}/audio"


def test_sentences_before_one_that_is_refused_are_listed(
    voice: Voice, mine: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETS, "en", ["The first one.", "...", "The third one."])
    train_by_piper(voice)
    assert status(voice) == ("ready", "")
    [listed] = mine.get(TRAINING).json()["previews"]
    [job] = Job.objects.filter(request__text="The first one.")
    assert (listed["text"], listed["job_id"]) == ("The first one.", str(job.id))
    assert not Job.objects.filter(request__text="The third one.").exists()
