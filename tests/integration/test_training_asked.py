"""Asking for a training: what is refused before a GPU hour is spent, and what a job is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs.models import Job
from tenants.models import AuditLine, Tenant
from tenants.scopes import Scope
from tests.conftest import make_tenant
from tests.ledger import ago
from tests.own import add_sample, agree, own_voice, withdraw
from tests.speech import JOBS, keyed, post, problem_of
from tests.trainings import (
    offer_trainer,
    said,
    voice_with_words,
    wake,
)
from voices.models import Making, Voice

if TYPE_CHECKING:
    from django.test import Client

    from tests.speech import Answer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]

TRAIN = "/api/v1/jobs/train"
TRAINING = "/api/v1/voices/brand/training"


@pytest.fixture(autouse=True)
def trainer(mimic: None) -> None:
    offer_trainer()


@pytest.fixture
def voice(tenant: Tenant) -> Voice:
    return voice_with_words(tenant)


def ask(client: Client, **more: Any) -> Answer:
    return post(client, TRAIN, {"voice": "brand"} | more)


def refused(answer: Answer) -> tuple[int, str]:
    """And nothing was begun."""
    assert not Job.objects.filter(kind="train").exists()
    return problem_of(answer)


def status(voice: Voice) -> tuple[str, str]:
    voice.refresh_from_db()
    return voice.status, voice.trouble


def test_a_job_gets_all_that_its_worker_needs(voice: Voice, mine: Client) -> None:
    answer = ask(mine)
    assert answer.status_code == 202, answer.json()
    shown = answer.json()
    assert (shown["kind"], shown["request"]["engine"]) == ("train", "piper")
    assert shown["request"]["steps"] == 2_000
    job = Job.objects.get(id=shown["id"])
    [step] = job.plan
    assert (step["engine"], step["queue"]) == ("piper_training", "gpu.train")
    heard = step["binding"].pop("heard")
    hashes = [sample.sha256 for sample in voice.samples.all()]
    assert step["binding"] == {
        "model": "trained",
        "samples": hashes,
        "language": "en-GB",
        "steps": 2_000,
    }
    assert [one["sha256"] for one in heard] == hashes
    assert heard[0] | {"sha256": ""} == {
        "sha256": "",
        "name": "take 1.wav",
        "seconds": 10.0,
        "transcript": said(),
    }
    assert job.cost == 1_000  # seconds
    assert status(voice) == ("training", "")


def test_the_audit_log_has_who_asked(voice: Voice, mine: Client) -> None:
    job_id = ask(mine).json()["id"]
    line = AuditLine.objects.get(action="voice.train_asked")
    assert (line.detail["job"], line.object_id) == (job_id, str(voice.id))


def test_what_is_said_shows_in_no_answer(voice: Voice, mine: Client) -> None:
    shown = mine.get(f"{JOBS}/{ask(mine).json()['id']}").json()
    assert said()["text"] not in str(shown)


def test_an_editor_asks_and_a_reader_does_not(voice: Voice, tenant: Tenant) -> None:
    others = [one for one in Scope if one != Scope.VOICES_WRITE]
    assert refused(ask(keyed(tenant, scopes=others))) == (403, "scope_missing")
    assert ask(keyed(tenant, scopes=[Scope.VOICES_WRITE])).status_code == 202


def test_each_sample_needs_a_consent(tenant: Tenant, mine: Client) -> None:
    voice = own_voice(tenant)
    first = add_sample(voice, seed=1, seconds=10, transcript=said())
    assert refused(ask(mine)) == (403, "consent_missing")
    agree(voice)
    late = add_sample(voice, seed=2, seconds=10, transcript=said())
    named = [str(first.id), str(late.id)]
    assert refused(ask(mine, samples=named)) == (403, "consent_missing")
    assert ask(mine).status_code == 202
    [job] = Job.objects.filter(kind="train")
    assert job.plan[0]["binding"]["samples"] == [first.sha256]


def test_a_withdrawn_consent_is_none(voice: Voice, mine: Client) -> None:
    withdraw(voice)
    assert refused(ask(mine)) == (403, "consent_withdrawn")


def test_another_tenants_voice_is_not_there(voice: Voice) -> None:
    stranger = keyed(make_tenant("other"))
    assert refused(post(stranger, TRAIN, {"voice": str(voice.id)})) == (404, "voice_not_found")
    assert problem_of(stranger.get(f"/api/v1/voices/{voice.id}/training"))[0] == 404


@pytest.mark.parametrize(("takes", "code"), [(1, "samples_too_short"), (7, "samples_too_long")])
def test_too_little_is_refused_and_so_is_too_much(
    tenant: Tenant, mine: Client, takes: int, code: str
) -> None:
    offer_trainer(train_seconds=(15.0, 60.0))
    voice = voice_with_words(tenant, takes=takes)
    named = [str(sample.id) for sample in voice.samples.all()]
    answer = ask(mine, samples=named)
    assert refused(answer) == (422, code)
    assert "15 to 60 seconds" in answer.json()["detail"]


def test_of_more_than_it_takes_it_gets_as_many_as_fit(tenant: Tenant, mine: Client) -> None:
    voice_with_words(tenant, takes=7)
    ask(mine)
    assert len(Making.objects.get().samples) == 6


def test_recordings_without_words_are_named_and_it_says_what_to_do(
    voice: Voice, mine: Client
) -> None:
    voice.samples.filter(name="take 2.wav").update(transcript=None)
    answer = ask(mine)
    assert refused(answer) == (422, "recogniser_missing")
    problem = answer.json()
    assert problem["samples"] == ["take 2.wav"]
    assert "SRT, VTT or CSV" in problem["detail"]
    assert "recogniser" in problem["detail"]


@pytest.mark.parametrize(("clips", "expected"), [(4, 202), (5, 422)])
def test_fewer_sentences_than_it_learns_from_are_refused_at_once(
    voice: Voice, mine: Client, clips: int, expected: int
) -> None:
    lines = "take 1.wav|0|2|One.\ntake 1.wav|2|4|Two.\ntake 1.wav|4|6|Three.\nother|0|2|Four."
    voice.samples.filter(name="take 1.wav").update(transcript=said(lines, "csv"))
    offer_trainer(train_clips=clips)
    answer = ask(mine)
    assert answer.status_code == expected
    if expected == 422:
        assert refused(answer) == (422, "samples_too_short")
        assert "have 4: record 1 sentences more" in answer.json()["detail"]
        offer_trainer(train_clips=clips, transcribes=True)
        assert ask(mine).status_code == 202


def test_of_one_csv_for_all_each_recording_gets_its_own_lines(voice: Voice, mine: Client) -> None:
    """And those of files that nobody has, so that these can be told of."""
    rows = ["file|start|end|text", "take 1.wav|0|2|One.", "take 2|0|2|Two.", "none|0|2|Three."]
    voice.samples.update(transcript=said("\r\n".join(rows), "csv"))
    assert ask(mine).status_code == 202
    [job] = Job.objects.filter(kind="train")
    first, second = (one["transcript"]["text"] for one in job.plan[0]["binding"]["heard"])
    assert first.split("\n") == [rows[0], rows[1], "", rows[3]]
    assert second.split("\n") == [rows[0], "", rows[2], rows[3]]


def test_a_plain_text_is_not_enough_for_a_long_recording(tenant: Tenant, mine: Client) -> None:
    voice = own_voice(tenant)
    sample = add_sample(voice, seconds=12.5, transcript=said())
    agree(voice)
    assert refused(ask(mine)) == (422, "recogniser_missing")
    lines = "take 1.wav|0|6|Half of it.\ntake 1.wav|6|12|And the rest."
    others = lines.replace("take 1", "other")
    voice.samples.filter(id=sample.id).update(transcript=said(others, "csv"))
    assert refused(ask(mine)) == (422, "recogniser_missing")
    voice.samples.filter(id=sample.id).update(transcript=said(lines, "csv"))
    assert ask(mine).status_code == 202


def test_where_a_worker_writes_down_what_is_said_nobody_else_has_to(
    voice: Voice, mine: Client
) -> None:
    offer_trainer(transcribes=True)
    voice.samples.update(transcript=None)
    assert ask(mine).status_code == 202


def test_an_engine_that_nobody_trains_is_refused_with_those_that_are(
    voice: Voice, mine: Client
) -> None:
    answer = ask(mine, engine="styletts2")
    assert refused(answer) == (422, "training_unsupported")
    assert "styletts2 cannot be trained here; these can be: piper." in answer.json()["detail"]


def test_where_nobody_trains_at_all_one_is_told_so(voice: Voice, mine: Client) -> None:
    offer_trainer(trains="")
    answer = ask(mine)
    assert refused(answer) == (422, "training_unsupported")
    assert "a training worker has to be started" in answer.json()["detail"]


def test_a_language_that_the_trainer_does_not_know_is_refused(tenant: Tenant, mine: Client) -> None:
    voice = voice_with_words(tenant)
    Voice.objects.filter(id=voice.id).update(language="ga")
    assert refused(ask(mine)) == (422, "language_unsupported")


def test_a_licence_is_kept(voice: Voice, tenant: Tenant) -> None:
    offer_trainer(commercial=False)
    Tenant.objects.filter(id=tenant.id).update(commercial=True)
    assert refused(ask(keyed(tenant))) == (422, "licence_forbids")


def test_who_is_awake_comes_first(voice: Voice, mine: Client) -> None:
    offer_trainer(engine="xtts_v2_training", trains="xtts_v2", makes="xtts_v2")
    wake("xtts_v2_training")
    assert ask(mine).json()["request"]["engine"] == "xtts_v2"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (5_000, (202, "")),
        (5_001, (422, "setting_out_of_range")),
        (0, (400, "invalid_request")),
        (-1, (400, "invalid_request")),
        (10**30, (422, "setting_out_of_range")),
        ("many", (400, "invalid_request")),
        (1.5, (400, "invalid_request")),
        (None, (400, "invalid_request")),
    ],
)
def test_only_so_many_steps_can_be_asked_for(
    voice: Voice, mine: Client, steps: Any, expected: tuple[int, str]
) -> None:
    answer = ask(mine, steps=steps)
    assert expected == (202, "") if answer.status_code == 202 else refused(answer) == expected


def test_a_voice_is_made_by_one_request_at_a_time(voice: Voice, mine: Client) -> None:
    ask(mine)
    assert problem_of(post(mine, "/api/v1/jobs/clone", {"voice": "brand"})) == (409, "voice_busy")
    assert problem_of(ask(mine)) == (409, "voice_busy")


def test_one_is_begun_in_an_hour(voice: Voice, tenant: Tenant, mine: Client) -> None:
    ask(mine)
    voice_with_words(tenant, "second")
    late = ask(mine, voice="second")
    assert problem_of(late) == (429, "limit_reached")
    assert 3_500 < int(late.headers["Retry-After"]) <= 3_600
    assert late.json()["limit"] == "trainings within an hour"
    Job.objects.update(created_at=ago(hours=1, seconds=1))
    assert ask(mine, voice="second").status_code == 202


def test_what_was_refused_does_not_count(voice: Voice, mine: Client) -> None:
    assert refused(ask(mine, engine="styletts2"))[0] == 422
    assert ask(mine).status_code == 202


def test_a_request_that_comes_twice_is_one(voice: Voice, mine: Client) -> None:
    key = {"Idempotency_Key": "once"}
    first = post(mine, TRAIN, {"voice": "brand"}, **key)
    again = post(mine, TRAIN, {"voice": "brand"}, **key)
    assert (first.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.status_code in {200, 202}
    other = post(mine, TRAIN, {"voice": "brand", "steps": 7}, **key)
    assert problem_of(other) == (409, "idempotency_conflict")
    assert Job.objects.filter(kind="train").count() == 1


def test_a_key_that_made_a_clone_makes_no_training(voice: Voice, mine: Client) -> None:
    key = {"Idempotency_Key": "once"}
    made = post(mine, "/api/v1/jobs/clone", {"voice": "brand"}, **key)
    assert made.status_code == 202
    assert refused(post(mine, TRAIN, {"voice": "brand"}, **key)) == (409, "idempotency_conflict")
