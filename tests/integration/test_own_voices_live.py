"""Voices of one's own on real servers: another process publishes, withdraws, erases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from jobs.models import Worker
from tenants.audit import PLATFORM
from tests.engines import MimicEngine
from tests.ledger import HOUR, eventually
from tests.own import add_sample, agree, own_voice
from tests.speech import SYNTHESIZE, problem_of, wait_for_end
from voices.owning.consents import withdraw_consent
from voices.owning.drafting import change_settings
from voices.owning.erasing import erase_voice
from voices.owning.publishing import publish_draft

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tenants.models import Tenant
    from voices.models import Voice

pytestmark = pytest.mark.django_db(transaction=True)

VOICE = "/api/v1/voices/brand"


@pytest.fixture(autouse=True)
def _quick_again() -> Iterator[None]:
    yield
    MimicEngine.steps = 0


@pytest.fixture
def brand(live: httpx.Client, cpu_worker: None, tenant: Tenant) -> Voice:
    """Cloned by a worker that heard its bell, with its progress told on the way."""
    Worker.objects.update(heartbeat_at=datetime.now(UTC) + HOUR)  # it announces itself but once
    voice = own_voice(tenant)
    add_sample(voice)
    agree(voice)
    MimicEngine.steps = 22
    asked = live.post("/api/v1/jobs/clone", json={"voice": "brand"})
    assert asked.status_code == 202, asked.json()
    seen = eventually(lambda: live.get(VOICE).json()["progress"], seconds=20)
    assert 0 < seen < 1
    assert wait_for_end(live, asked.json()["id"])["state"] == "succeeded"
    voice.refresh_from_db()
    return voice


def say(live: httpx.Client) -> dict[str, Any]:
    """The result of a job that this API process accepts now."""
    asked = live.post(SYNTHESIZE, json={"text": "Hello there.", "voice": "brand"})
    assert asked.status_code in {200, 202}, asked.json()
    job = wait_for_end(live, asked.json()["id"])
    assert job["state"] == "succeeded", job
    result: dict[str, Any] = job["result"]
    return result


def test_what_another_process_does_to_a_voice_is_seen_at_once(
    brand: Voice, live: httpx.Client
) -> None:
    before = say(live)
    assert live.get(VOICE).json()["status"] == "ready"
    change_settings(voice=brand, actor=PLATFORM, expected=None, settings={"speed": 1.5})
    assert say(live)["sha256"] == before["sha256"], "a draft is no job's business"
    publish_draft(voice=brand, actor=PLATFORM, expected=None)
    assert say(live)["revision"] != before["revision"]
    withdraw_consent(consent=brand.consents.get(), actor=PLATFORM)
    again = live.post(SYNTHESIZE, json={"text": "Hello there.", "voice": "brand"})
    assert problem_of(again) == (403, "consent_withdrawn")
    erase_voice(voice=brand, actor=PLATFORM, expected=None)
    gone = live.post(SYNTHESIZE, json={"text": "Hello there.", "voice": "brand"})
    assert problem_of(gone) == (404, "voice_not_found")
