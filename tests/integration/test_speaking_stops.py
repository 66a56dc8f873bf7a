"""Speech that is stopped half-way, and speech that goes on although the ledger is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection

from jobs.answering import answer_bell
from jobs.keeper import Stop
from jobs.patience import InterruptedJobError
from jobs.services.workers import ensure_queues, offer_engine
from synthesis_worker.equipment import capabilities_by_engine
from synthesis_worker.speaking import ProgressMeter, speak_or_reuse
from synthesis_worker.telling import ProgressTeller, go_on
from tests.ledger import look
from voices.requests import SynthesisRequest
from voices.services import Ask, submit_synthesis
from voices.stock import load_stock_voices

if TYPE_CHECKING:
    from uuid import UUID

    from jobs.keeper import Held
    from jobs.services.claims import ClaimedJob
    from tenants.callers import Caller

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


def speak_when_told(job_id: UUID, stop: Stop) -> str:
    """The job's state after a worker that is told to stop from its first chunk on."""

    def speak(job: ClaimedJob, held: Held) -> None:
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


def test_an_engine_that_tells_its_progress_ends_where_the_job_is_stopped(caller: Caller) -> None:
    def work(job: ClaimedJob, held: Held) -> None:
        held.stop = Stop.CANCELLED
        with pytest.raises(InterruptedJobError):
            go_on(held, ProgressTeller(job), 0.5)
        raise InterruptedJobError

    job_id = accepted(caller, ONE)
    answer_bell(str(job_id), work)
    assert look(job_id).state == "cancelled"
