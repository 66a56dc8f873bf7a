"""A StyleTTS2 worker as a process: what it refuses, it refuses for good, and serves the next."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from gpu_worker.engines.styletts2.model_files import CONFIG, WEIGHTS
from jobs.models import Job, Offer
from jobs.states import State
from synthesis_worker.audio import join
from tests.gpu.card_workers import (
    SECONDS_TO_START,
    StyleTts2Worker,
    all_end,
    alone,
    assert_same,
    forget_workers,
    kept,
    say,
    sentences,
    teachable,
)
from tests.gpu.styletts2_models import QUICK, small_engine, small_model
from tests.gpu.wrong_asks import (
    accepted,
    came_to,
    for_good,
    stored,
    take,
    wrong_asks,
    wrong_takes,
)
from tests.integration.test_worker_process import assert_done_once, ends
from tests.ledger import eventually
from tests.own import add_sample, agree, ask_clone, own_voice
from tests.sound_files import pcm_file, piece, speech
from tests.speech import SYNTHESIZE, keyed, make_voice, post, problem_of
from voices.models import Artifact
from voices.selectors import forget_remembered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django.plugin import DjangoDbBlocker

    from tenants.models import Tenant

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(300),
]

ENGINE, QUEUE = "styletts2", "gpu.styletts2"
UNABLE = {
    "missing": "model_missing",
    "damaged": "model_damaged",
    "unlicensed": "licence_not_accepted",
}


class Card:
    """One worker; another one where it has been killed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workers = folder, list[StyleTts2Worker]()

    def up(self) -> StyleTts2Worker:
        if not self.workers or self.workers[-1].process.poll() is not None:
            self.workers.append(self._start())
        eventually(self.workers[-1].is_up, SECONDS_TO_START)
        forget_remembered()
        return self.workers[-1]

    def _start(self) -> StyleTts2Worker:
        unable = [f"{name}=tests.gpu.styletts2_equipment:{name}" for name in UNABLE]
        engines = ",".join([StyleTts2Worker.work["ENGINES"], *unable])
        more = {"ENGINES": engines, "MODELS_DIR": str(self.folder), "COUNT_SECONDS": "3600"}
        name = f"card{len(self.workers)}"
        return StyleTts2Worker(name, "threads", 1, self.folder / "card.log", **more)


@pytest.fixture(scope="module")
def card(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Card]:
    folder, whole = tmp_path_factory.mktemp("styletts2"), small_model(QUICK).folder
    (folder / "styletts2").symlink_to(whole)
    (folder / "damaged").mkdir()
    (folder / "damaged" / CONFIG).write_bytes((whole / CONFIG).read_bytes())
    with (whole / WEIGHTS).open("rb") as weights:
        (folder / "damaged" / WEIGHTS).write_bytes(weights.read(1_000_000))
    card = Card(folder)
    yield card
    for worker in card.workers:
        if worker.process.poll() is None:
            worker.kill()
    forget_workers(django_db_blocker)


@pytest.fixture
def worker(card: Card, dispatcher: None) -> StyleTts2Worker:
    return card.up()


def cloned(tenant: Tenant) -> Artifact:
    """By the worker: what the voice `brand` speaks with, and has said its first sentence with."""
    job_id = ask_clone(teachable(tenant), engine=ENGINE)
    assert_done_once(ends(uuid.UUID(job_id), 60).id)
    eventually(Job.objects.filter(kind="synthesize", ended_at__isnull=False).exists, 60)
    return Artifact.objects.get()


def test_a_model_that_cannot_be_used_is_not_offered_and_fails_its_job_for_good(
    worker: StyleTts2Worker, tenant: Tenant
) -> None:
    artifact = cloned(tenant)
    offers = Offer.objects.filter(engine__in=UNABLE)
    assert [one.capabilities["models"] for one in offers] == [[]] * len(UNABLE)
    for engine in UNABLE:
        make_voice(engine, engines=[engine])
        refused = post(keyed(tenant), SYNTHESIZE, {"text": "Hello.", "voice": engine})
        assert problem_of(refused) == (422, "voice_not_installed")
        refused = post(keyed(tenant), "/api/v1/jobs/clone", {"voice": "brand", "engine": engine})
        assert problem_of(refused) == (422, "cloning_unsupported")
    jobs = [
        accepted(tenant, engine, QUEUE, model=ENGINE, artifact=artifact.sha256) for engine in UNABLE
    ]
    assert came_to(all_end(jobs)) == for_good(UNABLE.values())
    assert ends(say(tenant, "brand", "Hello there."), 60).state == State.SUCCEEDED
    assert worker.process.poll() is None


def test_what_cannot_be_spoken_fails_for_good_leaves_nothing_and_the_next_is_spoken(
    worker: StyleTts2Worker, tenant: Tenant
) -> None:
    jobs = wrong_asks(tenant, ENGINE, QUEUE, cloned(tenant).sha256)
    before = stored(tenant)
    assert came_to(all_end(jobs)) == for_good(jobs.values())
    assert stored(tenant) == before
    assert ends(say(tenant, "brand", "Hello there."), 60).state == State.SUCCEEDED
    assert worker.process.poll() is None


def test_samples_that_give_no_voice_fail_their_clone_for_good_and_the_next_is_made(
    worker: StyleTts2Worker, tenant: Tenant
) -> None:
    voice = own_voice(tenant)
    spoken = speech()
    files = wrong_takes(1.0) | {
        pcm_file(piece(spoken, 2.0)): "sample_too_short",
        pcm_file(join([spoken] * 3)): "sample_too_long",
        pcm_file(piece(spoken, 6.5)): "",
    }
    samples = [(take(voice, data), code) for data, code in files.items()]
    agree(voice)
    before = stored(tenant)
    for sample, code in samples:
        assert stored(tenant) == before
        job = ends(uuid.UUID(ask_clone(voice, engine=ENGINE, samples=[sample.id])), 60)
        assert (job.error_code, job.failures) == (code, 0)
    assert len(stored(tenant)) > len(before)
    assert Artifact.objects.get().engine == ENGINE
    assert worker.process.poll() is None


def test_what_the_engine_does_not_speak_is_refused_before_the_queue(
    worker: StyleTts2Worker, tenant: Tenant
) -> None:
    cloned(tenant)
    client, jobs = keyed(tenant), Job.objects.count()
    for changed, refusal in (
        ({"language": "de-DE"}, (422, "language_unsupported")),
        ({"language": "zh"}, (422, "language_unsupported")),
        ({"settings": {"speed": 1.76}}, (422, "setting_out_of_range")),
        ({"settings": {"top_k": 50}}, (422, "setting_unsupported")),
        ({"text": "a" * 100_000}, (413, "text_too_long")),
        ({"text": "...?!"}, (422, "text_empty")),
    ):
        refused = post(client, SYNTHESIZE, {"text": "Guten Tag.", "voice": "brand"} | changed)
        assert problem_of(refused) == refusal
    german = own_voice(tenant, "german", language="de-DE")
    add_sample(german, seconds=6.5)
    agree(german)
    refused = post(client, "/api/v1/jobs/clone", {"voice": "german"})
    assert problem_of(refused) == (422, "language_unsupported")
    assert Job.objects.count() == jobs


def test_a_worker_killed_in_the_middle_of_a_text_gives_it_once_and_whole(
    card: Card, worker: StyleTts2Worker, tenant: Tenant
) -> None:
    cloned(tenant)
    job_id = say(tenant, "brand", sentences(8))
    begun = Job.objects.filter(id=job_id, state=State.RUNNING, progress__gt=0)
    eventually(begun.exists, 60)
    worker.kill()
    heir = card.up()
    [job] = all_end([job_id])
    assert_done_once(job.id)
    assert (job.lost_leases, job.worker) == (1, heir.name)
    assert_same(kept(job), alone(job, small_engine(QUICK)))
