"""A voice that several engines make: each by a job of its own, and one voice in the end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

import pytest

from jobs.models import Event, Job, Worker
from jobs.services.endings import cancel_job, end_job
from jobs.services.housekeeping import expire_late_jobs
from jobs.services.workers import offer_engine
from jobs.states import State
from synthesis_worker.equipment import engines
from tests.engines import MimicEngine
from tests.ledger import a_worker, ago
from tests.own import add_sample, agree, own_voice, say, withdraw
from tests.speech import ENGINES, keyed, post, problem_of, speak
from voices.models import Artifact, Binding, Making, Revision
from voices.owning.greeting import SENTENCES
from voices.selectors import forget_remembered

if TYPE_CHECKING:
    from django.test import Client

    from tenants.models import Tenant
    from voices.models import Voice

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]

CLONE = "/api/v1/jobs/clone"


class ParrotEngine(MimicEngine):
    """Another engine that clones, and wants to hear more."""

    capabilities = replace(MimicEngine.capabilities, engine="parrot", clone_seconds=(3.0, 30.0))
    trouble: ClassVar[None] = None


@pytest.fixture(autouse=True)
def awake(mimic: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mimic and the parrot, both with a worker."""
    monkeypatch.setitem(engines(), "parrot", ParrotEngine())
    about = ENGINES["mimic"] | {"engine": "parrot", "clone_seconds": (3.0, 30.0)}
    offer_engine(engine="parrot", queue="cpu", capabilities=about)
    be_awake("mimic", "parrot")


def be_awake(*names: str) -> None:
    a_worker(name="w")
    Worker.objects.filter(name="w").update(engines=list(names))
    forget_remembered()


@pytest.fixture
def voice(tenant: Tenant) -> Voice:
    voice = own_voice(tenant)
    add_sample(voice, seconds=4)
    agree(voice)
    return voice


def ask(client: Client, **more: object) -> list[str]:
    """The jobs of a clone, the one that is answered first."""
    answer = post(client, CLONE, {"voice": "brand"} | more)
    assert answer.status_code == 202, answer.json()
    first: str = answer.json()["id"]
    others = Job.objects.filter(kind="clone", ended_at=None).exclude(id=first)
    return [first, *(str(job.id) for job in others)]


def told(name: str) -> int:
    return Event.objects.filter(name=name).count()


def status(voice: Voice) -> tuple[str, bool]:
    """And whether it speaks."""
    voice.refresh_from_db()
    return voice.status, voice.revisions.filter(state=Revision.State.PUBLISHED).exists()


def test_each_engine_makes_it_and_it_is_published_once_with_all_of_them(
    voice: Voice, mine: Client
) -> None:
    first, second = ask(mine)
    assert speak(first).state == State.SUCCEEDED
    assert status(voice) == ("training", False)
    assert mine.get("/api/v1/voices/brand").json()["job_id"] == second
    assert problem_of(post(mine, CLONE, {"voice": "brand"})) == (409, "voice_busy")
    assert speak(second).state == State.SUCCEEDED
    assert status(voice) == ("ready", True)
    bound = Binding.objects.filter(revision__state=Revision.State.PUBLISHED, revision__voice=voice)
    assert {binding.engine for binding in bound} == {"mimic", "parrot"}
    assert (told("voice.ready"), told("voice.failed")) == (1, 0)
    for engine in ("mimic", "parrot"):
        assert speak(say(mine, engine=engine)).state == State.SUCCEEDED


def test_the_one_that_is_named_makes_it_alone(voice: Voice, mine: Client) -> None:
    [only] = ask(mine, engine="parrot")
    assert Job.objects.get(id=only).plan[0]["engine"] == "parrot"


def test_nobody_waits_for_an_engine_that_sleeps(voice: Voice, mine: Client) -> None:
    be_awake("parrot")
    [only] = ask(mine)
    assert Job.objects.get(id=only).plan[0]["engine"] == "parrot"


def test_an_engine_that_wants_to_hear_more_is_left_out(tenant: Tenant, mine: Client) -> None:
    voice = own_voice(tenant)
    add_sample(voice, seconds=2)
    agree(voice)
    [only] = ask(mine)
    assert Job.objects.get(id=only).plan[0]["engine"] == "mimic"


def test_a_request_that_comes_twice_is_one(voice: Voice, mine: Client) -> None:
    key = {"Idempotency_Key": "once"}
    first = post(mine, CLONE, {"voice": "brand"}, **key)
    again = post(mine, CLONE, {"voice": "brand"}, **key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["id"] == first.json()["id"]
    assert Making.objects.count() == 2


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
@pytest.mark.parametrize("first", ["made", "lost"])
def test_what_one_engine_made_is_a_voice_although_the_other_came_to_nothing(
    tenant: Tenant, voice: Voice, mine: Client, first: str, state: State
) -> None:
    made, lost = ask(mine)
    if first == "made":
        speak(made)
    if state == State.FAILED:
        end_job(UUID(lost), state, code="broken", message="It broke.")
    else:
        cancel_job(tenant_id=tenant.id, job_id=UUID(lost))
    speak(made)
    assert status(voice) == ("ready", True)
    assert (voice.trouble, told("voice.ready"), told("voice.failed")) == ("", 1, 0)
    assert speak(say(mine)).state == State.SUCCEEDED


def test_where_all_of_them_fail_it_is_told_once_with_the_last_reason(
    voice: Voice, mine: Client
) -> None:
    for number, job_id in enumerate(ask(mine)):
        end_job(UUID(job_id), State.FAILED, code="broken", message=f"Broken: {number}.")
    assert status(voice) == ("failed", False)
    assert (voice.trouble, told("voice.ready"), told("voice.failed")) == ("Broken: 1.", 0, 1)


def test_what_was_made_before_is_no_excuse_for_a_clone_that_failed(
    voice: Voice, mine: Client
) -> None:
    for job_id in ask(mine):
        speak(job_id)
    for job_id in ask(mine):
        end_job(UUID(job_id), State.FAILED, code="broken", message="It broke.")
    assert (status(voice), voice.trouble) == (("ready", True), "It broke.")
    assert (told("voice.ready"), told("voice.failed")) == (1, 1)


def test_a_withdrawal_between_two_engines_leaves_no_voice(voice: Voice, mine: Client) -> None:
    first, _ = ask(mine)
    speak(first)
    withdraw(voice)
    assert status(voice) == ("failed", False)
    assert told("voice.ready") == 0
    assert not Job.objects.filter(ended_at=None).exists()


def test_a_voice_that_is_taken_back_meanwhile_keeps_nothing_of_either(
    voice: Voice, mine: Client
) -> None:
    first, second = ask(mine)
    speak(first)
    assert mine.delete("/api/v1/voices/brand/custom", headers={"If-Match": "*"}).status_code < 300
    assert Job.objects.get(id=second).state == State.FAILED
    assert (status(voice), Artifact.objects.count()) == (("none", False), 0)


def sentences() -> list[Job]:
    return list(Job.objects.filter(kind="synthesize", request__text=SENTENCES["en"]))


def test_a_fresh_voice_has_its_sentence_spoken_without_being_asked(
    voice: Voice, mine: Client
) -> None:
    first, second = ask(mine)
    speak(first)
    assert sentences() == []
    speak(second)
    [sentence] = sentences()
    assert speak(str(sentence.id)).state == State.SUCCEEDED
    heard = mine.get("/api/v1/voices/brand/sample")
    assert (heard.status_code, heard.headers["Content-Type"]) == (200, "audio/mpeg")
    assert len(sentences()) == 1


def test_the_answer_names_the_jobs_beside_it(voice: Voice, mine: Client) -> None:
    first, second = ask(mine)
    assert mine.get(f"/api/v1/jobs/{first}").json()["request"]["beside"] == [second]


def test_a_voice_does_not_wait_for_ever_for_an_engine_that_went_away(
    voice: Voice, mine: Client
) -> None:
    first, second = ask(mine)
    assert Job.objects.get(id=second).deadline is not None
    speak(first)
    Job.objects.filter(id=second).update(deadline=ago(hours=1))
    expire_late_jobs()
    assert Job.objects.get(id=second).state == State.EXPIRED
    assert status(voice) == ("ready", True)


def test_an_erasure_between_two_engines_tells_of_no_voice(voice: Voice, mine: Client) -> None:
    first, _ = ask(mine)
    speak(first)
    gone = mine.delete("/api/v1/voices/brand", headers={"If-Match": "*"})
    assert (gone.status_code, told("voice.ready"), told("voice.failed")) == (204, 0, 0)


def test_the_last_stop_is_answered_also_where_the_sentence_is_refused(
    tenant: Tenant, voice: Voice, mine: Client
) -> None:
    first, second = ask(mine)
    speak(first)
    type(tenant).objects.filter(id=tenant.id).update(max_queued=0)
    assert post(mine, f"/api/v1/jobs/{second}/cancel", {}).status_code < 300
    assert (status(voice), sentences()) == (("ready", True), [])


def test_more_engines_than_may_wait_begin_nothing(
    tenant: Tenant, voice: Voice, mine: Client
) -> None:
    type(tenant).objects.filter(id=tenant.id).update(max_queued=1)
    assert problem_of(post(keyed(tenant), CLONE, {"voice": "brand"}))[0] == 429
    assert not Job.objects.exists()


def test_a_draft_is_not_heard_before_it_is_published(voice: Voice, mine: Client) -> None:
    for job_id in ask(mine):
        speak(job_id)
    for job_id in ask(mine):
        speak(job_id)
    assert len(sentences()) == 1


def test_a_voice_is_ready_where_its_sentence_is_refused(
    tenant: Tenant, voice: Voice, mine: Client
) -> None:
    jobs = ask(mine)
    type(tenant).objects.filter(id=tenant.id).update(max_queued=0)
    for job_id in jobs:
        assert speak(job_id).state == State.SUCCEEDED
    assert status(voice) == ("ready", True)
    assert sentences() == []
