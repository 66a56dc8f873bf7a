"""What a worker had in hand when the voice went: nothing of it stays in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from jobs.answering import answer_bell
from jobs.models import Job
from jobs.patience import InterruptedJobError
from jobs.services.claims import claim_job
from jobs.services.endings import cancel_job
from synthesis_worker import samples, speaking
from tenants.audit import PLATFORM
from tests.ledger import lose
from tests.own import cloned_voice, own_voice, recording, say
from tests.speech import make_voice, speak
from voices import storage
from voices.models import Sample
from voices.owning import erasing
from voices.owning.stopping import ERASED, stop_jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from tenants.models import Tenant

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]


def stored(tenant: Tenant) -> set[str]:
    return {one.name for one in storage.audio_store().names(f"{tenant.id}/")}


@pytest.fixture
def sample(tenant: Tenant, mine: Client) -> Sample:
    own_voice(tenant)
    file = SimpleUploadedFile("new.wav", recording(3, 9))
    assert mine.post("/api/v1/voices/brand/samples", {"file": file}).status_code == 202
    return Sample.objects.get()


def just_before(
    monkeypatch: pytest.MonkeyPatch, room: Any, name: str, deed: Callable[[], object]
) -> None:
    real = getattr(room, name)

    def late(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(room, name, real)
        deed()
        return real(*args, **more)

    monkeypatch.setattr(room, name, late)


def test_a_probe_that_comes_too_late_leaves_no_recording(
    tenant: Tenant, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The voice's jobs are ended before it finishes, its rows go after."""

    def half_erased() -> None:
        erasing.begin_erasure(sample.voice, PLATFORM, None)
        stop_jobs(sample.voice, *ERASED)

    just_before(monkeypatch, samples, "finish_probe", half_erased)
    answer_bell(str(sample.job_id), samples.examine)
    erasing.carry_out(sample.voice)
    assert stored(tenant) == set()


def test_a_probe_that_is_cancelled_as_it_finishes_leaves_its_upload_alone(
    tenant: Tenant, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, probe = stored(tenant), Job.objects.get(kind="probe")

    def cancelled() -> None:
        lose(probe.id)
        cancel_job(tenant_id=tenant.id, job_id=probe.id)

    just_before(monkeypatch, samples, "finish_probe", cancelled)
    answer_bell(str(sample.job_id), samples.examine)
    assert stored(tenant) == upload


def half_speak(job_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The master is in the store; then the work ends, before there is a file to deliver."""

    def interrupted(*_: object) -> None:
        raise InterruptedJobError

    monkeypatch.setattr(speaking, "_store_file", interrupted)
    answer_bell(job_id, speaking.speak_or_reuse)
    monkeypatch.undo()


def test_a_master_whose_file_was_not_made_goes_with_its_job(
    tenant: Tenant, mine: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloned_voice(tenant)
    before, job_id = stored(tenant), say(mine)
    half_speak(job_id, monkeypatch)
    assert stored(tenant) == before
    assert speak(job_id).state == "succeeded"


def test_a_master_stays_where_another_worker_has_the_job(
    tenant: Tenant, mine: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have put the same bytes under the same name, and name them in a moment."""
    cloned_voice(tenant)
    before, job_id = stored(tenant), say(mine)

    def taken_over(*_: object) -> None:
        lose(UUID(job_id))
        assert claim_job(job_id, worker="another") is not None
        raise InterruptedJobError

    monkeypatch.setattr(speaking, "_store_file", taken_over)
    answer_bell(job_id, speaking.speak_or_reuse)
    assert len(stored(tenant) - before) == 1


def test_what_a_stock_voice_said_is_left_to_the_next_who_asks(
    tenant: Tenant, mine: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_voice("stocky")
    job_id = say(mine, voice="stocky")
    half_speak(job_id, monkeypatch)
    assert len(stored(tenant)) == 1
    assert Job.objects.get(id=job_id).ended_at is None
