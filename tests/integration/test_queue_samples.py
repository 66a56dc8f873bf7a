"""How each queue stood, every fifteen seconds: what a sample holds, and that it is taken once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.db import connections, transaction

from jobs.dispatch import run_sweeps
from jobs.measures import Sample
from jobs.samples import SAMPLE_EVERY, TAKE, forget_samples, take_samples
from jobs.states import State
from jobs.tallies import Tallies
from tests.ledger import a_worker, ago, bring_to, change, eventually, someone_waits

if TYPE_CHECKING:
    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)


def sampled(queue: str = "cpu") -> Sample:
    """The sample of a moment that has none yet."""
    Sample.objects.all().delete()
    assert take_samples() > 1
    return Sample.objects.get(queue_id=queue)


def test_a_sample_tells_how_a_queue_stands(tenant: Tenant) -> None:
    a_worker("cpu", slots=3)
    change(bring_to(tenant, State.QUEUED, cost=2.5), created_at=ago(minutes=5))
    bring_to(tenant, State.RUNG, cost=1.5)
    bring_to(tenant, State.RUNNING)
    bring_to(tenant, State.SUCCEEDED)
    sample = sampled()
    assert (sample.depth, sample.seconds, sample.running, sample.slots) == (2, 4.0, 1, 3)
    assert 300 <= sample.oldest < 360
    net = Sample.objects.get(queue_id="net")
    assert (net.depth, net.seconds, net.oldest, net.running, net.slots) == (0, 0.0, 0.0, 0, 0)
    assert (net.done, net.failed, net.waits) == (0, 0, {})


def test_a_sample_tells_what_was_counted_of_its_queue_alone(tenant: Tenant) -> None:
    bring_to(tenant, State.QUEUED)
    tallies = Tallies()
    for queue, kind, state in (
        ("cpu", "nap", "succeeded"),
        ("cpu", "song", "succeeded"),
        ("cpu", "nap", "failed"),
        ("cpu", "nap", "cancelled"),
        ("cpu2", "nap", "failed"),
    ):
        tallies.count("voicemill_jobs_ended_total", queue=queue, kind=kind, state=state)
    for seconds in (0.4, 3.0):
        tallies.observe("voicemill_wait_seconds", seconds, (0.5, 5.0), queue="cpu")
    tallies.observe("voicemill_wait_seconds", 0.1, (0.5, 5.0), queue="cpu2")
    tallies.tell()
    sample = sampled()
    assert (sample.done, sample.failed) == (2, 1)
    assert sample.waits == {"0.5": 1, "5": 2, "+Inf": 2}


def test_two_that_sample_one_moment_write_it_once(tenant: Tenant) -> None:
    """Also where neither sees what the other is about to write."""
    bring_to(tenant, State.QUEUED)
    day = timedelta(days=1)  # as good as any other moment, but for midnight

    def take() -> int:
        return len(TAKE.rows(10, day, day))

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            mine = take()
            theirs = other.submit(take)
            eventually(someone_waits)
        assert (mine, theirs.result(10)) == (Sample.objects.count(), 0)
        other.submit(connections.close_all).result(10)


def test_moments_lie_fifteen_seconds_apart(tenant: Tenant) -> None:
    bring_to(tenant, State.QUEUED)
    moment = sampled().at
    assert moment.timestamp() % SAMPLE_EVERY.total_seconds() == 0
    assert timedelta() <= datetime.now(UTC) - moment < 2 * SAMPLE_EVERY


def test_the_dispatcher_takes_samples(dispatcher: None, tenant: Tenant) -> None:
    assert eventually(lambda: Sample.objects.filter(queue_id="cpu").exists())


def test_samples_are_forgotten_after_a_week(tenant: Tenant) -> None:
    bring_to(tenant, State.QUEUED)
    sampled()
    old = Sample.objects.get(queue_id="net")
    Sample.objects.filter(pk=old.pk).update(at=ago(days=7, minutes=1))
    assert forget_samples(dry_run=True) == 1
    assert run_sweeps(settings.SWEEPS)["jobs.samples.forget_samples"] == 1
    assert not Sample.objects.filter(pk=old.pk).exists()
    assert Sample.objects.exists()
