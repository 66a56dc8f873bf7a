"""What XTTS refuses, as jobs: for good, nothing is left of them, and the next is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gpu_worker.engines.xtts.engine import Settings, XttsEngine
from jobs.models import Job
from jobs.states import State
from synthesis_worker.equipment import engines
from tests.gpu.card_workers import ENGINE, QUEUE, know, say, teachable
from tests.gpu.wrong_asks import came_to, for_good, stored, take, wrong_asks, wrong_takes
from tests.own import agree, ask_clone, clone, own_voice
from tests.sound_files import pcm_file, piece, speech
from tests.speech import speak
from voices.models import Artifact

if TYPE_CHECKING:
    from pathlib import Path

    from tenants.models import Tenant

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(300),
]


@pytest.fixture
def card(tenant: Tenant, xtts: XttsEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine is known to the ledger, and this process has it."""
    know(xtts)
    monkeypatch.setitem(engines(), ENGINE, xtts)


def test_what_cannot_be_spoken_fails_for_good_and_leaves_nothing(
    card: None, tenant: Tenant
) -> None:
    clone(teachable(tenant))
    jobs = wrong_asks(tenant, ENGINE, QUEUE, Artifact.objects.get().sha256)
    before = stored(tenant)
    assert came_to(speak(str(job_id)) for job_id in jobs) == for_good(jobs.values())
    assert stored(tenant) == before
    assert speak(str(say(tenant, "brand", "Hello there."))).state == State.SUCCEEDED


@pytest.mark.parametrize(
    ("accepted", "code"), [(True, "model_missing"), (False, "licence_not_accepted")]
)
def test_a_clone_whose_model_is_gone_when_its_turn_comes_says_so(
    card: None, tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *,
    accepted: bool, code: str,
) -> None:  # fmt: skip
    asked = ask_clone(teachable(tenant), engine=ENGINE)
    bare = XttsEngine(Settings(tmp_path, accepted=accepted))
    monkeypatch.setitem(engines(), ENGINE, bare)
    assert came_to([speak(asked)]) == for_good([code])


def test_samples_that_give_no_voice_fail_their_clone_for_good_and_leave_nothing(
    card: None, tenant: Tenant
) -> None:
    type(tenant).objects.filter(id=tenant.id).update(commercial=False)
    voice = own_voice(tenant)
    files = wrong_takes(0.33) | {pcm_file(piece(speech(), 6.5)): ""}
    samples = [(take(voice, data), code) for data, code in files.items()]
    agree(voice)
    before = stored(tenant)
    for sample, code in samples:
        assert stored(tenant) == before
        job = speak(ask_clone(voice, engine=ENGINE, samples=[sample.id]))
        assert (job.error_code, job.failures) == (code, 0)
    assert Artifact.objects.get().engine == ENGINE
    assert Job.objects.filter(kind="clone", state=State.FAILED).count() == 3
