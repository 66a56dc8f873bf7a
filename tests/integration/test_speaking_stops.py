"""Speech that is stopped half-way, and speech that goes on although the ledger is away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from jobs.answering import answer_bell
from jobs.keeper import Stop
from jobs.models import Worker
from jobs.patience import InterruptedJobError
from jobs.presence import worker_name
from jobs.services.workers import ensure_queues, offer_engine
from synthesis_worker import speaking
from synthesis_worker.equipment import capabilities_by_engine, engines
from synthesis_worker.speaking import ProgressMeter, speak_or_reuse
from synthesis_worker.telling import ProgressTeller, go_on
from tests.engines import echo
from tests.integration.test_worker_process import say
from tests.ledger import a_worker, ago, look
from tests.slow_engines import FinishingEngine, SlowEngine
from voices.requests import SynthesisRequest
from voices.services import Ask, submit_synthesis
from voices.stock import load_stock_voices

if TYPE_CHECKING:
    from uuid import UUID

    from jobs.keeper import Held
    from jobs.services.claims import ClaimedJob
    from tenants.callers import Caller
    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)

ONE, TWO = "The only sentence.", "The first sentence. And one more."


@pytest.fixture(autouse=True)
def _espeak(db: None) -> None:
    """Known from a worker that sleeps: a chunk is a sentence."""
    load_stock_voices()
    ensure_queues(["cpu", "media"])
    known = capabilities_by_engine("cpu")["espeak"]
    offer_engine(engine="espeak", queue="cpu", capabilities=known)


def accepted(caller: Caller, text: str) -> UUID:
    return submit_synthesis(Ask(caller, SynthesisRequest(text=text, voice=""))).id


def let_drain(worker: str) -> None:
    """So that the keeper, which looks as well, says the same."""
    a_worker(name=worker)
    Worker.objects.filter(name=worker).update(drain_asked_at=ago(hours=1))


def speak_when_told(job_id: UUID, stop: Stop) -> str:
    """The job's state after a worker that is told to stop from its first chunk on."""

    def speak(job: ClaimedJob, held: Held) -> None:
        if stop is Stop.DRAINED:
            let_drain(worker_name())
        held.stop = stop
        speak_or_reuse(job, held)

    answer_bell(str(job_id), speak)
    return str(look(job_id).state)


@pytest.mark.parametrize(("text", "state"), [(ONE, "succeeded"), (TWO, "queued")])
def test_a_drain_hands_back_what_has_more_to_say_and_no_more(
    caller: Caller, text: str, state: str
) -> None:
    assert speak_when_told(accepted(caller, text), Stop.DRAINED) == state


@pytest.mark.parametrize("text", [ONE, TWO])
def test_a_cancel_ends_it_after_any_sentence(caller: Caller, text: str) -> None:
    assert speak_when_told(accepted(caller, text), Stop.CANCELLED) == "cancelled"


def test_a_connection_lost_between_two_sentences_costs_no_attempt(caller: Caller) -> None:
    job_id = accepted(caller, TWO)

    def speak(job: ClaimedJob, held: Held) -> None:
        meter = ProgressMeter(job)
        meter.told_at -= 2  # due
        connection.connection.close()
        meter.add(0.5)
        speak_or_reuse(job, held)

    answer_bell(str(job_id), speak)
    row = look(job_id)
    assert (row.state, row.attempt, row.trail) == ("succeeded", 1, [])


@pytest.mark.parametrize(
    ("engine", "text", "state"),
    [
        (SlowEngine, "nap 0.3", "queued"),
        (FinishingEngine, "nap 0.3", "succeeded"),
        (FinishingEngine, "wait 0.3", "queued"),
    ],
)
def test_a_drain_lets_an_engine_finish_what_has_begun_to_sound(
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
    engine: type[SlowEngine],
    text: str,
    state: str,
) -> None:
    monkeypatch.setitem(engines(), "slow", engine())
    assert speak_when_told(say(tenant, text), Stop.DRAINED) == state


def test_a_drain_does_not_wait_for_ever(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engines(), "slow", FinishingEngine())
    monkeypatch.setattr(speaking, "FINISHING", 0.3)
    job_id = say(tenant, "nap 2")
    assert speak_when_told(job_id, Stop.DRAINED) == "queued"
    assert look(job_id).attempt == 0


def test_a_cancel_ends_what_waits_for_its_sound(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engines(), "slow", SlowEngine())
    began = time.monotonic()
    assert speak_when_told(say(tenant, "wait 5"), Stop.CANCELLED) == "cancelled"
    assert time.monotonic() - began < 2


def test_chunks_without_sound_leave_no_gap(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engines(), "slow", SlowEngine())
    job_id = say(tenant, "wait 0.3")
    answer_bell(str(job_id), speak_or_reuse)
    result = look(job_id).result
    assert result is not None
    assert result["seconds"] == echo("wait 0.3").seconds


def test_an_engine_that_tells_its_progress_ends_where_the_job_is_stopped(caller: Caller) -> None:
    def work(job: ClaimedJob, held: Held) -> None:
        held.stop = Stop.CANCELLED
        with pytest.raises(InterruptedJobError):
            go_on(held, ProgressTeller(job), 0.5)
        raise InterruptedJobError

    job_id = accepted(caller, ONE)
    answer_bell(str(job_id), work)
    assert look(job_id).state == "cancelled"
