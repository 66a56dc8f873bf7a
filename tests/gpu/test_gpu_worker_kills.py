"""A card's worker that is killed and stopped with a full batch: nothing lost, mixed or doubled."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from jobs.models import Job
from jobs.states import State
from synthesis_worker.equipment import engines
from tests.gpu.card_workers import (
    FOUR,
    SECONDS_TO_START,
    XttsWorker,
    all_end,
    alone,
    assert_same,
    kept,
    know,
    running,
    say,
    sentences,
    teachable,
    turn,
)
from tests.integration.test_worker_process import assert_done_once
from tests.ledger import eventually
from tests.own import clone
from tests.speech import speak

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gpu_worker.engines.xtts.engine import XttsEngine
    from tenants.models import Tenant
    from voices.models import Voice

    Start = Callable[..., XttsWorker]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(400),
]

TURNED = [
    {"top_k": 1, "speed": 1.0},
    {"top_k": 1, "speed": 1.5, "repetition_penalty": 2.0},
    {"top_k": 1, "temperature": 0.4},
    {"speed": 0.75, "stability": 0.2},
]


@pytest.fixture
def card(tenant: Tenant, xtts: XttsEngine, monkeypatch: pytest.MonkeyPatch) -> XttsEngine:
    """The engine is known to the ledger, and this process has it."""
    know(xtts)
    monkeypatch.setitem(engines(), "xtts_v2", xtts)
    return xtts


@pytest.fixture
def voices(tenant: Tenant, card: XttsEngine) -> list[Voice]:
    """Four of them, each turned in its own way; what they say by themselves has been said."""
    made = [teachable(tenant, f"voice-{number}", pitch=pitch) for number, pitch in enumerate(FOUR)]
    for voice, settings in zip(made, TURNED, strict=True):
        clone(voice)
        speak(str(Job.objects.get(kind="synthesize", ended_at=None).id))
        turn(voice, **settings)
    return made


@pytest.fixture
def start(dispatcher: None, tmp_path: Path, quick_folder: Path) -> Iterator[Start]:
    models = tmp_path / "models"
    models.mkdir()
    (models / "xtts_v2").symlink_to(quick_folder)
    started: list[XttsWorker] = []

    def start(name: str, **more: str) -> XttsWorker:
        log = tmp_path / f"{name}.log"
        worker = XttsWorker(name, "threads", 8, log, MODELS_DIR=str(models), **more)
        started.append(worker)
        eventually(worker.is_up, SECONDS_TO_START)
        return worker

    yield start
    for worker in started:
        if worker.process.poll() is None:
            worker.kill()


def kill_in_the_middle(worker: XttsWorker) -> None:
    """With every slot taken, and something heard."""
    eventually(lambda: running(worker) == 8, 60)
    heard = Job.objects.filter(state="running", worker=worker.name, progress__gt=0)
    eventually(heard.exists, 60)
    worker.kill()


def test_a_worker_killed_twice_with_a_full_batch_gives_each_job_its_own_sound(
    start: Start, tenant: Tenant, voices: list[Voice], card: XttsEngine
) -> None:
    """Who has gone down with two workers goes on one by one: beside others, who came later."""
    jobs = [
        say(tenant, voices[number % 4].slug, sentences(14 + 2 * number, f"text {number},"))
        for number in range(8)
    ]
    for name in ("first", "second"):
        kill_in_the_middle(start(name))
    later = [say(tenant, voices[n].slug, sentences(20, f"more {n},")) for n in range(4)]
    third = start("third")
    eventually(lambda: running(third) == len(later) + 1, 60)
    for job in all_end([*jobs, *later]):
        assert_done_once(job.id)
        assert (job.lost_leases, job.worker) == (2 if job.id in jobs else 0, third.name)
        assert_same(kept(job), alone(job, card))


def test_a_worker_told_to_stop_finishes_what_sounds_and_hands_back_the_rest(
    start: Start, tenant: Tenant, voices: list[Voice], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAIN_SECONDS", "0")
    leaving = start("leaving")
    begun = [say(tenant, voices[0].slug, sentences(count, "text")) for count in (15, 30, 60)]
    long = [say(tenant, voices[n % 4].slug, sentences(120, f"text {n},")) for n in range(5)]
    more = [say(tenant, voices[n].slug, sentences(3, f"text {n},")) for n in range(4)]
    sounding = Job.objects.filter(id__in=begun, state=State.RUNNING, progress__gte=0.4)
    sounds = eventually(sounding.first, 60)
    leaving.send(signal.SIGTERM)
    assert leaving.process.wait(60) == 0
    sounds.refresh_from_db()
    assert (sounds.state, sounds.worker, sounds.trail) == (State.SUCCEEDED, leaving.name, [])
    handed_back = Job.objects.filter(id__in=long, state=State.QUEUED, attempt=0)
    assert handed_back.count() == len(long)
    start("heir")
    for job in all_end([*begun, *long, *more]):
        assert_done_once(job.id)
        assert (job.attempt, job.failures, job.lost_leases) == (1, 0, 0)
        assert [note["code"] for note in job.trail] in ([], ["drained"])
        assert job.worker == "heir@here" or not job.trail


@pytest.mark.parametrize("count", [1, 8])
def test_a_worker_whose_card_is_spoilt_ends_by_itself_and_its_work_is_done_elsewhere(
    start: Start, tenant: Tenant, voices: list[Voice], count: int
) -> None:
    """With retries as far apart as by default: it ends before a job has used up its own."""
    faulty = "xtts_v2=tests.gpu.small_equipment:faulty"
    spoilt = start("spoilt", ENGINES=faulty, RETRY_BASE_SECONDS="2")
    jobs = [say(tenant, voices[n % 4].slug, f"This is text {n}.") for n in range(count)]
    assert spoilt.process.wait(120) == 0
    assert Job.objects.filter(id__in=jobs, state=State.RUNNING).count() == 0
    start("heir")
    for job in all_end(jobs):
        assert_done_once(job.id)
        assert (job.worker, job.lost_leases) == ("heir@here", 0)
