"""A consent that is withdrawn stops its voice at once, whatever is under way with it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.db import connection, connections

from jobs.models import Event, Job
from jobs.services.claims import claim_job
from jobs.states import State
from synthesis_worker.speaking import artifacts
from tenants.audit import PLATFORM
from tenants.models import AuditLine
from tests.conftest import make_caller
from tests.engines import MimicEngine
from tests.ledger import at_once, eventually
from tests.own import (
    add_sample,
    agree,
    apart,
    ask_clone,
    clone,
    cloned_voice,
    own_voice,
    say,
    withdraw,
)
from tests.speech import SYNTHESIZE, keyed, post, problem_of, speak
from voices import renders
from voices.accepting import accept_all
from voices.errors import VoiceNotFoundError
from voices.models import Artifact, Render
from voices.owning import standing
from voices.owning.erasing import erase_voice
from voices.owning.errors import ConsentWithdrawnError
from voices.preparing import prepare_synthesis
from voices.renders import File, FoundRender
from voices.requests import SynthesisRequest
from voices.results import charge_for, result_for
from voices.storage import audio_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from tenants.models import Tenant

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]

WITHDRAWN = "consent_withdrawn"
HASH = "a" * 64
WAITING = """
    SELECT EXISTS (SELECT 1 FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock')"""


def test_once_it_is_withdrawn_nothing_begins_with_the_voice(tenant: Tenant, mine: Client) -> None:
    voice = cloned_voice(tenant)
    spoken = speak(say(mine))
    assert spoken.state == State.SUCCEEDED
    path = f"/api/v1/voices/{voice.id}/consents/{voice.consents.get().id}/withdraw"
    told = post(mine, path, {})
    assert told.json()["withdrawn_at"] is not None
    answer = post(mine, SYNTHESIZE, {"text": "Hello.", "voice": "brand"})
    assert problem_of(answer) == (403, WITHDRAWN), "what was rendered before is not served"
    assert not Render.objects.exists()
    shown = mine.get("/api/v1/voices/brand").json()
    assert (shown["status"], shown["trouble"]) == ("failed", "The speaker's consent was withdrawn.")
    assert post(mine, path, {}).json() == told.json(), "a second time changes nothing"
    assert AuditLine.objects.filter(action="consent.withdrawn").count() == 1
    bulk = post(mine, "/api/v1/jobs/bulk", {"items": [{"text": "Hello.", "voice": "brand"}]})
    assert bulk.json()["items"][0]["error"]["code"] == WITHDRAWN


def test_once_it_is_withdrawn_what_was_under_way_ends(tenant: Tenant, mine: Client) -> None:
    voice = cloned_voice(tenant)
    queued, running = say(mine, "One."), say(mine, "Two.")
    twin = say(mine, "One.")
    assert claim_job(running, worker="w1") is not None
    withdraw(voice)
    spoken = Job.objects.filter(kind="synthesize")
    assert {str(job.id) for job in spoken} > {queued, running, twin}, "and the voice's sentence"
    for job in spoken:
        assert (job.state, job.error_code) == (State.FAILED, WITHDRAWN)
    told = Event.objects.filter(name="job.failed", data__code=WITHDRAWN)
    assert told.count() == spoken.count()


def test_another_voice_goes_on_speaking(tenant: Tenant, mine: Client) -> None:
    voice = cloned_voice(tenant)
    cloned_voice(tenant, "other", seed=2)
    waiting = say(mine, voice="other")
    withdraw(voice)
    assert speak(waiting).state == State.SUCCEEDED


def finish_late(job_id: str) -> bool:
    """As a worker does that had claimed the job before, and has its audio in the store."""
    job = claim_job(job_id, worker="late")
    assert job is not None
    render = FoundRender(job.binding["render"], job.id, HASH, 1.0, 8_000, "mimic")
    file = File(HASH, "wav", 100, 8_000)
    result = result_for(job.request, job.plan[0], render, file, cached=False)
    charge = charge_for(job.request, render, cached=False)
    return renders.finish_synthesis(job, render=render, file=file, result=result, charge=charge)


def test_a_finish_after_the_mark_delivers_nothing(tenant: Tenant, mine: Client) -> None:
    """Also where whoever withdrew it died before the jobs were ended."""
    voice = cloned_voice(tenant)
    job_id = say(mine)
    voice.consents.update(withdrawn_at="2026-01-01T00:00:00Z")
    with pytest.raises(ConsentWithdrawnError):
        finish_late(job_id)
    assert not Render.objects.exclude(sha256="").exists()
    assert speak(job_id).state == State.RUNNING, "the failed finish left its lease as it was"


class Halted:
    """A step that somebody has done, and stands still after."""

    def __init__(self, step: Callable[..., object]) -> None:
        self.step, self.reached, self.go_on = step, threading.Event(), threading.Event()

    def __call__(self, *arguments: object, **named: object) -> object:
        done = self.step(*arguments, **named)
        self.reached.set()
        assert self.go_on.wait(30)
        return done


def one_before_the_other(
    halted: Halted, one: Callable[[], object], other: Callable[[], object]
) -> list[object]:
    """What each comes to, where the other finds the one halted and waits for it."""
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(on_its_own_connection, one)
        assert halted.reached.wait(20)
        second = pool.submit(on_its_own_connection, other)
        eventually(somebody_waits_for_a_row)
        halted.go_on.set()
        return [first.result(20), second.result(20)]


def on_its_own_connection(action: Callable[[], object]) -> object:
    try:
        return action()
    except ConsentWithdrawnError as error:
        return error.code
    finally:
        connections.close_all()


def somebody_waits_for_a_row() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return bool(cursor.fetchone()[0])


def test_a_withdrawal_waits_for_a_finish_that_came_first(
    tenant: Tenant, mine: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = cloned_voice(tenant)
    job_id = say(mine)
    halted = Halted(standing.hold_voice_of)
    monkeypatch.setattr(renders, "hold_voice_of", halted)
    came_to = one_before_the_other(halted, lambda: finish_late(job_id), lambda: withdraw(voice))
    assert came_to == [True, None]
    assert Job.objects.get(id=job_id).state == State.SUCCEEDED


def test_a_finish_waits_for_a_withdrawal_that_came_first(
    tenant: Tenant, mine: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = cloned_voice(tenant)
    job_id = say(mine)
    halted = Halted(lambda _: None)
    monkeypatch.setattr("voices.owning.consents.forget_renders_of", halted)
    came_to = one_before_the_other(halted, lambda: withdraw(voice), lambda: finish_late(job_id))
    assert came_to == [None, WITHDRAWN]
    job = Job.objects.get(id=job_id)
    assert (job.state, job.result) == (State.FAILED, None)


def test_of_many_accepts_and_a_withdrawal_none_speaks_afterwards(tenant: Tenant) -> None:
    voice = cloned_voice(tenant)
    clients = [keyed(tenant) for _ in range(7)]

    def act(number: int) -> tuple[int, str]:
        if number == 7:
            withdraw(voice)
            return 0, ""
        answer = post(clients[number], SYNTHESIZE, {"text": f"Text {number}.", "voice": "brand"})
        return answer.status_code, str(answer.json().get("code"))

    answers = at_once(8, act)
    assert {answer for answer in answers if answer[0] == 403} <= {(403, WITHDRAWN)}
    assert not Job.objects.filter(kind="synthesize", ended_at=None).exists()
    assert not Job.objects.filter(kind="synthesize", state=State.SUCCEEDED).exists()


def test_a_request_that_was_checked_before_the_withdrawal_is_not_accepted_after_it(
    tenant: Tenant,
) -> None:
    voice = cloned_voice(tenant)
    request = SynthesisRequest(text="Hello.", voice="brand")
    prepared = prepare_synthesis(make_caller(tenant), request)
    voice.consents.update(withdrawn_at="2026-01-01T00:00:00Z")
    with pytest.raises(ConsentWithdrawnError):
        accept_all([prepared])
    erase_voice(voice=voice, actor=PLATFORM, expected=None)
    with pytest.raises(VoiceNotFoundError):
        accept_all([prepared])
    assert not Job.objects.filter(kind="synthesize", request__text="Hello.").exists()


def test_a_worker_that_has_the_artifact_in_memory_does_not_speak_with_it(
    tenant: Tenant, mine: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it look at it: the consent is asked for first."""
    voice = cloned_voice(tenant)
    assert speak(say(mine)).state == State.SUCCEEDED
    assert len(artifacts) > 0
    job_id = say(mine, "Something else.")
    voice.consents.update(withdrawn_at="2026-01-01T00:00:00Z")
    looked: list[str] = []
    monkeypatch.setattr(artifacts, "get", lambda name, read: looked.append(name))
    job = speak(job_id)
    assert (job.state, job.error_code) == (State.FAILED, WITHDRAWN)
    assert looked == []


def test_a_clone_under_way_ends_with_the_consent(tenant: Tenant, mine: Client) -> None:
    voice = own_voice(tenant)
    add_sample(voice)
    agree(voice)
    job_id = ask_clone(voice)
    MimicEngine.steps = 30
    working = apart(lambda: speak(job_id))
    working.start()
    assert MimicEngine.begun.wait(20)
    withdraw(voice)
    MimicEngine.steps = 0
    working.join(30)
    job, shown = Job.objects.get(id=job_id), mine.get("/api/v1/voices/brand").json()
    assert (job.state, job.error_code) == (State.FAILED, WITHDRAWN)
    assert (shown["status"], shown["trouble"]) == ("failed", "The speaker's consent was withdrawn.")
    assert not Artifact.objects.exists()


def test_a_clone_that_is_done_after_the_mark_is_thrown_away(tenant: Tenant) -> None:
    """Also where whoever withdrew the consent died before the jobs were ended."""
    voice = own_voice(tenant)
    add_sample(voice)
    agree(voice)
    job_id = ask_clone(voice)
    voice.consents.update(withdrawn_at="2026-01-01T00:00:00Z")
    job = speak(job_id)
    assert (job.state, job.error_code) == (State.FAILED, WITHDRAWN)
    assert not Artifact.objects.exists()
    assert [
        one for one in audio_store().names(f"{tenant.id}/") if one.name.endswith(".voice")
    ] == []


def test_a_new_consent_and_a_new_clone_bring_the_voice_back(tenant: Tenant, mine: Client) -> None:
    voice = cloned_voice(tenant)
    withdraw(voice)
    add_sample(voice, seed=9)
    agree(voice, "Ada again")
    clone(voice)
    assert speak(say(mine)).state == State.SUCCEEDED
    path = "/api/v1/voices/brand/rollback"
    back = mine.post(path, content_type="application/json", headers={"If-Match": "*"})
    assert problem_of(back) == (403, WITHDRAWN), "there is no way back to what was withdrawn"
