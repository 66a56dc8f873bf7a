"""A cloned voice is listened to once: what was heard is kept in the store, and by the worker."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from jobs.services.workers import ensure_queues
from synthesis_worker.equipment import engines
from synthesis_worker.speaking import artifacts
from tests.gpu.card_workers import know, say, teachable
from tests.own import clone
from tests.speech import speak
from voices import storage
from voices.models import Artifact
from voices.store import artifact_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpu_worker.engines.xtts.engine import XttsEngine
    from tenants.models import Tenant

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(300),
]


@pytest.fixture
def card(tenant: Tenant, xtts: XttsEngine, monkeypatch: pytest.MonkeyPatch) -> XttsEngine:
    """The engine is known to the ledger, and this process has it."""
    ensure_queues(["gpu.xtts"])
    know(xtts)
    monkeypatch.setitem(engines(), "xtts_v2", xtts)
    return xtts


@contextmanager
def listening(engine: XttsEngine) -> Iterator[list[str]]:
    """Which of the model's encoders have run meanwhile."""
    model = engine._model().model
    encoders = {
        "latents": model.gpt.conditioning_encoder,
        "speaker": model.hifigan_decoder.speaker_encoder.conv1,  # itself it is called by `forward`
    }
    runs: list[str] = []
    hooks = [
        encoder.register_forward_hook(lambda *_, name=name: runs.append(name))
        for name, encoder in encoders.items()
    ]
    yield runs
    for hook in hooks:
        hook.remove()


def test_a_voice_is_listened_to_when_it_is_cloned_and_never_again(
    card: XttsEngine, tenant: Tenant
) -> None:
    with listening(card) as runs:
        clone(teachable(tenant))
        assert set(runs) == {"latents", "speaker"}
        runs.clear()
        for text in ("One sentence.", "Another one."):
            assert speak(str(say(tenant, "brand", text))).state == "succeeded"
        assert runs == []


def test_a_warm_voice_is_read_from_the_store_once(card: XttsEngine, tenant: Tenant) -> None:
    clone(teachable(tenant))
    assert speak(str(say(tenant, "brand", "One sentence."))).state == "succeeded"
    name = artifact_name(tenant.id, Artifact.objects.get().sha256)
    storage.audio_store().delete(name)
    assert speak(str(say(tenant, "brand", "Another one."))).state == "succeeded"
    artifacts._kept.clear()  # as a minute without a use leaves it
    lost = speak(str(say(tenant, "brand", "And a third one.")))
    assert lost.state != "succeeded"
