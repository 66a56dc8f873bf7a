"""What happens to a voice's words while it is erased: none of them comes back."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from django.db import transaction

from jobs.models import Job
from jobs.services.endings import retry_job
from jobs.webhooks import fanning
from jobs.webhooks.endpoints import create_endpoint
from jobs.webhooks.events import message
from jobs.webhooks.models import Delivery
from tenants.audit import PLATFORM
from tests.ledger import eventually, someone_waits
from tests.own import apart, cloned_voice, say
from tests.speech import problem_of, speak
from voices.owning.erasing import begin_erasure, carry_out, erase_voice

if TYPE_CHECKING:
    from django.test import Client

    from jobs.webhooks.events import Happened
    from tenants.models import Tenant
    from voices.models import Voice

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]


def a_cancelled_job(mine: Client) -> str:
    job_id = say(mine, "A quokka sat.")
    assert mine.post(f"/api/v1/jobs/{job_id}/cancel").status_code == 200
    return job_id


def erasing(voice: Voice) -> threading.Thread:
    """One who erases it, as far as others let him."""
    thread = apart(lambda: erase_voice(voice=voice, actor=PLATFORM, expected=None))
    thread.start()
    eventually(lambda: someone_waits() or not thread.is_alive())
    return thread


def test_once_an_erasure_has_begun_nothing_is_retried(tenant: Tenant, mine: Client) -> None:
    voice = cloned_voice(tenant)
    job_id = a_cancelled_job(mine)
    begin_erasure(voice, PLATFORM, None)
    assert problem_of(mine.post(f"/api/v1/jobs/{job_id}/retry")) == (409, "not_retriable")
    carry_out(voice)
    assert not Job.objects.filter(request__text__contains="quokka").exists()


def test_a_retry_accepted_before_is_erased_too(tenant: Tenant, mine: Client) -> None:
    voice = cloned_voice(tenant)
    job_id = a_cancelled_job(mine)
    with transaction.atomic():
        again = retry_job(tenant_id=tenant.id, job_id=UUID(job_id), ceiling=100)
        thread = erasing(voice)
        assert thread.is_alive(), "it waits for the retry"
    thread.join(10)
    job = Job.objects.get(id=again.id)
    assert (job.state, job.error_code) == ("failed", "voice_erased")
    assert not Job.objects.filter(request__text__contains="quokka").exists()


def test_a_webhook_that_is_being_written_holds_nothing_of_an_erased_voice(
    tenant: Tenant, mine: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_endpoint(tenant_id=tenant.id, url="https://1.1.1.1/hook")
    voice = cloned_voice(tenant)
    speak(say(mine))
    read, go_on = threading.Event(), threading.Event()

    def slowly(event: Happened) -> str:
        read.set()
        go_on.wait(10)
        return message(event)

    monkeypatch.setattr(fanning, "message", slowly)
    writing = apart(fanning.fan_out)
    writing.start()
    assert read.wait(10)
    thread = erasing(voice)
    go_on.set()
    for each in (writing, thread):
        each.join(10)
    assert Delivery.objects.filter(job__isnull=False).exists()
    assert not Delivery.objects.filter(body__contains="sha256").exists()
