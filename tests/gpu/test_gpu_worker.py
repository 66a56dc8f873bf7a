"""A card's worker as a process: it clones, speaks, is stopped, and outlives what it cannot do."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from jobs.models import Event, Job, Offer
from jobs.services.accept import Step
from jobs.services.endings import cancel_job
from jobs.states import State
from tests.gpu.card_workers import (
    ENGINE,
    QUEUE,
    SECONDS_TO_START,
    StyleTts2Worker,
    XttsWorker,
    all_end,
    forget_workers,
    kept,
    running,
    say,
    teachable,
    turn,
)
from tests.gpu.styletts2_models import CLONING, small_model
from tests.gpu.test_xtts_models import Malice, put_weights
from tests.integration.test_samples_live import media_process
from tests.integration.test_worker_process import assert_done_once, ends
from tests.ledger import eventually, submit
from tests.own import agree, ask_clone
from tests.recordings import recording, send
from tests.speech import SYNTHESIZE, keyed, make_voice, post, problem_of, wait_for_end
from voices.models import Sample, Voice
from voices.selectors import forget_remembered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from django.test import Client
    from pytest_django.plugin import DjangoDbBlocker

    from tenants.models import Tenant

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(300),
]

EQUIPMENT = "tests.gpu.small_equipment"
ENGINES = [f"{name}={EQUIPMENT}:{name}" for name in ("spoilt", "missing", "unlicensed")]
THREADS = 16


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, xtts_folder: Path) -> Path:
    """The small model, and one whose weights give orders."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "xtts_v2").symlink_to(xtts_folder)
    (folder / "spoilt").mkdir()
    for name in ("config.json", "vocab.json"):
        (folder / "spoilt" / name).hardlink_to(xtts_folder / name)
    put_weights(folder / "spoilt", {"model": Malice(folder / "obeyed")})
    return folder


@pytest.fixture(scope="module")
def process(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
    models: Path,
) -> Iterator[XttsWorker]:
    """One slot, and many who want it."""
    more = {"MODELS_DIR": str(models), "BATCH_SLOTS": "1", "COUNT_SECONDS": "3600"}
    engines = ",".join([f"{ENGINE}={EQUIPMENT}:xtts", *ENGINES])
    log = tmp_path_factory.mktemp("card") / "card.log"
    worker = XttsWorker("card", "threads", THREADS, log, ENGINES=engines, **more)
    yield worker
    worker.kill()
    forget_workers(django_db_blocker)


@pytest.fixture
def worker(process: XttsWorker, dispatcher: None) -> XttsWorker:
    """It says again what it can do where the ledger has forgotten it."""
    eventually(process.is_up, SECONDS_TO_START)
    forget_remembered()
    return process


@pytest.fixture
def styletts2(dispatcher: None, tmp_path: Path) -> Iterator[StyleTts2Worker]:
    """It has an engine that speaks one text at a time."""
    (tmp_path / "styletts2").symlink_to(small_model(CLONING).folder)
    log = tmp_path / "styletts2.log"
    worker = StyleTts2Worker("styletts2", "threads", 1, log, MODELS_DIR=str(tmp_path))
    yield worker
    worker.kill()


@pytest.fixture
def client(tenant: Tenant) -> Client:
    return keyed(tenant)


@pytest.fixture
def media(dispatcher: None, tmp_path: Path) -> Iterator[None]:
    """Who examines recordings."""
    with media_process(tmp_path):
        yield


def cloned(tenant: Tenant, **settings: float) -> Voice:
    """By the worker."""
    voice = teachable(tenant)
    assert_done_once(ends(uuid.UUID(ask_clone(voice, engine=ENGINE)), 60).id)
    if settings:
        turn(voice, **settings)
    voice.refresh_from_db()
    return voice


def bound_to(engine: str, tenant: Tenant) -> UUID:
    """A job that somebody accepted for this engine."""
    binding: dict[str, object] = {
        "render": uuid.uuid4().hex, "model": "xtts_v2", "speaker": None, "dials": {}, "seed": 0,
        "substitute": False,
    }  # fmt: skip
    request = {"text": "Hello.", "spoken": "Hello.", "language": "en", "format": "wav"}
    request |= {"voice": "brand", "revision": "1"}
    plan = [Step(engine, QUEUE, binding)]
    return submit(tenant, kind="synthesize", plan=plan, request=request | {"sample_rate": None})


def test_a_recording_becomes_a_voice_that_speaks(
    worker: XttsWorker, media: None, tenant: Tenant, client: Client
) -> None:
    type(tenant).objects.filter(id=tenant.id).update(commercial=False)
    made = post(client, "/api/v1/voices", {"slug": "brand", "name": "Brand", "language": "en-GB"})
    assert made.status_code == 201, made.json()
    assert send(client, "brand", recording()).status_code == 202
    probing = Sample.objects.filter(state=Sample.State.PROBING)
    eventually(lambda: not probing.exists(), 60)
    refused = post(client, "/api/v1/jobs/clone", {"voice": "brand", "engine": ENGINE})
    assert problem_of(refused) == (403, "consent_missing")
    agree(Voice.objects.get(slug="brand"))
    asked = post(client, "/api/v1/jobs/clone", {"voice": "brand", "engine": ENGINE})
    clone = wait_for_end(client, asked.json()["id"], 60)
    assert (clone["state"], clone["result"]["likeness"]) == ("succeeded", None)
    assert client.get("/api/v1/voices/brand").json()["status"] == "ready"
    assert Event.objects.get(name="voice.ready").data["job_id"] == clone["id"]
    preview = eventually(Job.objects.filter(kind="synthesize").first, 30)
    job = wait_for_end(client, str(preview.id), 60)
    assert (job["state"], job["result"]["engine"]) == ("succeeded", ENGINE)
    heard = client.get("/api/v1/voices/brand/sample")
    assert (heard.status_code, heard.headers["Content-Type"]) == (200, "audio/mpeg")
    assert kept(Job.objects.get(id=job["id"])).seconds > 0.5


def test_a_voice_is_cloned_by_all_engines_that_are_awake_and_speaks_by_each(
    worker: XttsWorker, styletts2: StyleTts2Worker, tenant: Tenant, client: Client
) -> None:
    """Also where one of them cannot: the spoilt one."""
    eventually(styletts2.is_up, SECONDS_TO_START)
    forget_remembered()
    ask_clone(teachable(tenant))
    clones = Job.objects.filter(kind="clone").values_list("id", flat=True)
    came_to = {job.plan[0]["engine"]: job.error_code for job in all_end(clones)}
    assert came_to == {ENGINE: "", "styletts2": "", "spoilt": "model_damaged"}
    assert client.get("/api/v1/voices/brand").json()["status"] == "ready"
    for engine in (ENGINE, "styletts2"):
        asked = {"text": "Hello there.", "voice": "brand", "engine": engine}
        job = wait_for_end(client, post(client, SYNTHESIZE, asked).json()["id"], 60)
        assert (job["state"], job["result"]["engine"]) == ("succeeded", engine)


def test_who_waits_for_a_slot_is_cancelled_at_once(worker: XttsWorker, tenant: Tenant) -> None:
    cloned(tenant)
    jobs = [say(tenant, "brand", f"Sentence number {number}.") for number in range(THREADS)]
    eventually(lambda: running(worker) == THREADS, 30)
    waiting = Job.objects.filter(id__in=jobs, state=State.RUNNING, progress=0)
    last = eventually(lambda: waiting.order_by("started_at", "id").last(), 5)
    cancel_job(tenant_id=tenant.id, job_id=last.id)
    assert ends(last.id, 4).state == State.CANCELLED
    others = [job_id for job_id in jobs if job_id != last.id]
    assert Job.objects.filter(id__in=others, ended_at=None).exists()
    for job_id in others:
        ends(job_id, 60)
        assert_done_once(job_id)


@pytest.mark.parametrize(
    ("engine", "code"),
    [
        ("spoilt", "model_damaged"),
        ("missing", "model_missing"),
        ("unlicensed", "licence_not_accepted"),
    ],
)
def test_a_model_that_cannot_be_used_fails_its_job_for_good_and_no_other(
    worker: XttsWorker, tenant: Tenant, models: Path, engine: str, code: str
) -> None:
    job = ends(bound_to(engine, tenant), 60)
    assert (job.state, job.error_code, job.failures) == (State.FAILED, code, 0)
    assert not (models / "obeyed").exists()
    cloned(tenant)
    assert ends(say(tenant, "brand", "Hello there."), 60).state == State.SUCCEEDED
    assert worker.process.poll() is None


@pytest.mark.parametrize("engine", ["missing", "unlicensed"])
def test_nothing_is_offered_without_a_model_or_its_licence(
    worker: XttsWorker, tenant: Tenant, client: Client, engine: str
) -> None:
    assert Offer.objects.get(engine=engine).capabilities["models"] == []
    type(tenant).objects.filter(id=tenant.id).update(commercial=False)
    make_voice("other", engines=[engine])
    refused = post(client, SYNTHESIZE, {"text": "Hello.", "voice": "other"})
    assert problem_of(refused) == (422, "voice_not_installed")
    teachable(tenant)
    refused = post(client, "/api/v1/jobs/clone", {"voice": "brand", "engine": engine})
    assert problem_of(refused)[0] == 422


def test_the_licence_keeps_it_from_a_tenant_that_sells(
    worker: XttsWorker, tenant: Tenant, client: Client
) -> None:
    teachable(tenant)
    type(tenant).objects.filter(id=tenant.id).update(commercial=True)
    refused = post(keyed(tenant), "/api/v1/jobs/clone", {"voice": "brand", "engine": ENGINE})
    assert problem_of(refused) == (422, "licence_forbids")
