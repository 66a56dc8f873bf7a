"""A text goes in, speech comes out: the whole path on real servers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from jobs.models import Event, Job, Usage
from voices.requests import SynthesisRequest
from voices.services import Ask, submit_synthesis
from voices.stock import load_stock_voices
from voices.storage import audio_store
from voices.store import audio_name, read_verified

if TYPE_CHECKING:
    from uuid import UUID

    from tenants.callers import Caller

pytestmark = pytest.mark.django_db(transaction=True)


def wait_for_end(job_id: UUID, seconds: float = 20) -> Job:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        job = Job.objects.get(id=job_id)
        if job.ended_at:
            return job
        time.sleep(0.02)
    raise AssertionError(f"still {job.state}: {job.trail}")


def test_a_text_becomes_audio_with_one_charge_and_one_event(
    cpu_worker: None, caller: Caller
) -> None:
    load_stock_voices()
    submitted = submit_synthesis(Ask(caller, SynthesisRequest(text="Good morning.", voice="")))
    job = wait_for_end(submitted.id)
    assert (job.state, job.error_code) == ("succeeded", "")
    assert job.result is not None
    assert 0.5 < job.result["seconds"] < 3
    data = read_verified(audio_store(), audio_name(job.tenant_id, job.result["sha256"], "wav"))
    assert data[:4] == b"RIFF"
    assert len(data) == job.result["bytes"]
    assert Usage.objects.get(job=job).characters == len("Good morning.")
    assert [event.name for event in Event.objects.filter(job=job)] == ["job.succeeded"]
