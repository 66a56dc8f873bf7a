"""Event streams: in order, resumed without a gap or a repeat, each tenant's for itself."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from threading import Event as Flag
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction
from django.db.models import F

from jobs.models import Event, Job
from jobs.services.claims import fail_step
from jobs.services.progress import report_progress
from jobs.states import State
from jobs.streams.sources import PAGE
from jobs.sweeps import forget_events
from jobs.wire import SILENCE, redis_client
from tenants.services import issue_key
from tests.conftest import make_tenant
from tests.ledger import PERMANENT, bring_to, finish, submit, take
from tests.speech import JOBS, SYNTHESIZE, problem_of
from tests.sse import EVENTS, Said, following

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tenants.models import Tenant
    from tests.live import Server

pytestmark = pytest.mark.django_db(transaction=True)

BEGINNING = "0-0"


def end_one(tenant: Tenant) -> str:
    """One event more for the tenant: of which job."""
    return str(bring_to(tenant, State.CANCELLED))


def written(tenant: Tenant) -> list[str]:
    """What the ledger has to tell of the tenant, in order."""
    rows = Event.objects.filter(tenant=tenant).order_by("transaction", "id")
    return [f"{row.transaction}-{row.id}" for row in rows]


def ids(told: list[Said]) -> list[str]:
    return [said.id for said in told]


def test_a_job_s_stream_tells_what_was_and_what_comes_and_ends_with_the_job(
    live: httpx.Client, tenant: Tenant
) -> None:
    job_id = submit(tenant, request={"text": "Nobody else's business."})
    job = take(job_id)
    report_progress(job, 0.25, details={"step": 1})
    with following(live, f"{JOBS}/{job_id}/events") as stream:
        (first,) = stream.take(1)
        report_progress(job, 0.5)
        (second,) = stream.take(1)
        finish(job)
        rest = list(stream)
    assert [(said.name, said.id) for said in (first, second, *rest)] == [
        ("job.progress", "1"),
        ("job.progress", "2"),
        ("job.succeeded", "3"),
    ]
    assert (first.data["state"], first.data["progress"]) == ("running", 0.25)
    assert (first.data["details"], second.data["details"]) == ({"step": 1}, None)
    told = rest[0].data
    at = told.pop("at")
    assert at.endswith("Z")
    assert told == {
        "job_id": str(job_id),
        "kind": "nap",
        "state": "succeeded",
        "progress": 1,
        "details": None,
        "error": None,
        "result": {"by": 1},
        "audio_url": None,
    }
    assert stream.retry == "2000"


def test_a_failure_is_told_with_its_code_and_a_success_with_its_audio(
    cpu_worker: None, live: httpx.Client, tenant: Tenant
) -> None:
    with following(live) as stream:
        stream.begin()
        fail_step(take(submit(tenant)), PERMANENT)
        spoken = live.post(SYNTHESIZE, json={"text": "Told.", "voice": "tester"}).json()["id"]
        failed, succeeded = stream.take(2)
    assert failed.data["error"] == {"code": PERMANENT.code, "message": PERMANENT.message}
    assert (failed.data["state"], failed.data["result"]) == ("failed", None)
    assert (succeeded.job, succeeded.data["kind"]) == (spoken, "synthesize")
    assert succeeded.data["audio_url"] == f"{JOBS}/{spoken}/audio"
    assert live.get(succeeded.data["audio_url"]).status_code == 200


def test_a_tenant_s_stream_begins_with_now_and_a_job_done_as_it_was_accepted_is_told(
    cpu_worker: None, live: httpx.Client, tenant: Tenant
) -> None:
    body = {"text": "Said before.", "voice": "tester"}
    live.post(SYNTHESIZE, json=body, headers={"Prefer": "wait=20"})
    with following(live) as stream:
        assert stream.begin() == written(tenant)[-1]
        time.sleep(SILENCE + 2)  # past the first seconds, in which every feed looks often
        again = live.post(SYNTHESIZE, json=body).json()
        asked_at = time.monotonic()
        (told,) = stream.take(1)
    assert (again["state"], told.job) == ("succeeded", again["id"])
    assert time.monotonic() - asked_at < 3


def test_a_stream_resumes_at_every_position(live: httpx.Client, tenant: Tenant) -> None:
    for _ in range(12):
        end_one(tenant)
    places = [BEGINNING, *written(tenant)]
    for count, place in enumerate(places[:-1]):
        with following(live, last=place) as stream:
            assert ids(stream.take(12 - count)) == places[count + 1 :]
    with following(live, f"{EVENTS}?last_event_id={places[9]}") as stream:
        assert ids(stream.take(3)) == places[10:]
    with following(live, f"{EVENTS}?last_event_id={places[2]}", last=places[11]) as stream:
        assert ids(stream.take(1)) == places[12:]


def test_a_job_s_stream_resumes_at_every_position_and_204_says_there_is_no_more(
    live: httpx.Client, tenant: Tenant
) -> None:
    job = take(submit(tenant))
    for _ in range(5):
        report_progress(job, 0.5)
    finish(job)
    path = f"{JOBS}/{job.id}/events"
    for seen in range(6):
        with following(live, path, last=str(seen)) as stream:
            assert ids(list(stream)) == [str(number) for number in range(seen + 1, 7)]
    assert live.get(path, headers={"Last-Event-ID": "6"}).status_code == 204


@contextmanager
def writing(tenant: Tenant, count: int) -> Iterator[None]:
    """Somebody writes events, in turn small and larger transactions, on two connections."""

    def write(_: int) -> None:
        try:
            job = take(submit(tenant))
            for number in range(count // 2):
                with transaction.atomic():
                    for _ in range(1 + number % 3):
                        report_progress(job, 0.5)
                time.sleep(0.002)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        done = pool.map(write, range(2))
        yield
        list(done)


def test_a_client_cut_off_twenty_times_is_told_everything_once(
    live: httpx.Client, tenant: Tenant
) -> None:
    dice, told, last = random.Random(7), list[str](), BEGINNING
    with writing(tenant, 400):
        for _ in range(20):
            with following(live, last=last) as stream:
                told += ids(stream.take(dice.randint(1, 20)))
                last = told[-1]
    expected = written(tenant)
    with following(live, last=last) as stream:
        told += ids(stream.take(len(expected) - len(told)))
    assert told == expected
    assert len(told) > 350


def test_what_commits_late_is_neither_skipped_nor_told_twice(
    live: httpx.Client, tenant: Tenant
) -> None:
    slow, quick = take(submit(tenant)), take(submit(tenant))
    wrote, commit = Flag(), Flag()

    def write_and_dawdle() -> None:
        try:
            with transaction.atomic():
                report_progress(slow, 0.1)
                wrote.set()
                assert commit.wait(20)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool, following(live, last=BEGINNING) as stream:
        writer = pool.submit(write_and_dawdle)
        assert wrote.wait(20)
        report_progress(quick, 0.2)
        time.sleep(0.5)
        with following(live, last=BEGINNING) as other:
            assert other.begin() == BEGINNING
            time.sleep(1.5)
            commit.set()
            writer.result()
            report_progress(quick, 0.3)
            told = stream.take(3)
            assert other.take(3) == told
    assert [said.job for said in told] == [str(slow.id), str(quick.id), str(quick.id)]
    assert ids(told) == written(tenant)


def test_each_tenant_has_a_stream_of_its_own(
    server: Server, live: httpx.Client, tenant: Tenant
) -> None:
    other = make_tenant("other")
    token = issue_key(tenant=other, name="tests").token
    with server.client(token) as theirs, following(live) as mine, following(theirs) as stream:
        mine.begin(), stream.begin()
        first, second = end_one(other), end_one(tenant)
        third = end_one(other)
        assert [said.job for said in mine.take(1)] == [second]
        assert [said.job for said in stream.take(2)] == [first, third]
        assert problem_of(live.get(f"{JOBS}/{first}/events")) == (404, "job_not_found")
    assert problem_of(live.get(f"{JOBS}/{uuid4()}/events")) == (404, "job_not_found")


def test_filters_keep_what_was_asked_for_and_move_on_with_the_rest(
    live: httpx.Client, tenant: Tenant
) -> None:
    places = ("?types=job.succeeded,job.failed", "?kind=stretch", "?types=job.cancelled&kind=nap")
    with ExitStack() as stack:
        streams = [stack.enter_context(following(live, EVENTS + place)) for place in places]
        for stream in streams:
            stream.begin()
        cancelled = end_one(tenant)
        done = str(bring_to(tenant, State.SUCCEEDED))
        stretched = str(bring_to(tenant, State.FAILED, kind="stretch"))
        assert [said.job for said in streams[0].take(2)] == [done, stretched]
        assert [said.job for said in streams[1].take(1)] == [stretched]
        assert [said.job for said in streams[2].take(1)] == [cancelled]


def test_a_quiet_stream_is_pinged_and_told_its_place(live: httpx.Client, tenant: Tenant) -> None:
    with following(live, f"{EVENTS}?types=job.failed") as stream:
        stream.begin()
        end_one(tenant)
        started = time.monotonic()
        while not stream.pings:
            fields = next(stream.blocks())
            stream.pings += fields.get("") == "ping"
        assert fields["id"] == written(tenant)[-1]
        assert 10 < time.monotonic() - started < 17


@pytest.mark.parametrize(
    ("path", "last"),
    [
        (EVENTS, "5"),
        (EVENTS, "a-b"),
        (EVENTS, "1-2-3"),
        (EVENTS, "-1-2"),
        (EVENTS, "1-" + "9" * 40),
        (EVENTS, "\u0663-1"),
        (f"{JOBS}/{{job}}/events", "1-1"),
        (f"{JOBS}/{{job}}/events", "-1"),
        (f"{JOBS}/{{job}}/events", "9999999999"),
    ],
)
def test_an_id_that_no_stream_gives_is_refused(
    live: httpx.Client, tenant: Tenant, path: str, last: str
) -> None:
    address = path.format(job=submit(tenant))
    sent = [(b"Last-Event-ID", last.encode())]
    assert problem_of(live.get(address, headers=sent)) == (400, "last_event_id_invalid")
    asked = live.get(address, params={"last_event_id": last})
    assert problem_of(asked) == (400, "last_event_id_invalid")


def test_a_type_that_does_not_exist_is_refused(live: httpx.Client) -> None:
    refused = live.get(f"{EVENTS}?types=job.succeded")
    assert problem_of(refused) == (400, "invalid_request")
    assert "job.succeeded" in refused.json()["errors"]["types"][0]


def forget(*job_ids: str) -> None:
    """Let these jobs have ended long ago, and the sweep come by."""
    past, jobs = timedelta(days=40), Job.objects.filter(id__in=job_ids)
    jobs.update(ended_at=F("ended_at") - past)
    Event.objects.filter(job__in=jobs).update(at=F("at") - past)
    forget_events()


def test_who_missed_what_is_forgotten_is_told_of_the_gap_and_of_all_that_is_kept(
    live: httpx.Client, tenant: Tenant
) -> None:
    first, second = end_one(tenant), end_one(tenant)
    third, fourth = end_one(tenant), end_one(tenant)
    places = written(tenant)
    forget(first, second)
    for place in (BEGINNING, places[0]):
        with following(live, last=place) as stream:
            gap, *rest = stream.take(3)
            assert (gap.name, gap.data["code"]) == ("stream.gap", "events_forgotten")
            assert [said.job for said in rest] == [third, fourth]
    for number in (1, 2):  # these have missed nothing
        with following(live, last=places[number]) as stream:
            assert ids(stream.take(3 - number)) == places[number + 1 :]
    with following(live) as stream:
        assert stream.begin() == places[3]


def test_an_id_from_another_ledger_is_a_gap_and_the_stream_goes_on_from_now(
    live: httpx.Client, tenant: Tenant
) -> None:
    end_one(tenant)
    with following(live, last=f"{10**15}-1") as stream:
        assert stream.take(1)[0].name == "stream.gap"
        later = end_one(tenant)
        assert stream.take(1)[0].job == later


def test_a_job_whose_events_are_forgotten_or_were_never_so_many_has_a_gap_and_ends(
    live: httpx.Client, tenant: Tenant
) -> None:
    job_id = end_one(tenant)
    path = f"{JOBS}/{job_id}/events"
    with following(live, path, last="7") as stream:
        assert [said.name for said in stream] == ["stream.gap"]
    forget(job_id)
    with following(live, path) as stream:
        assert [(said.name, said.id) for said in stream] == [("stream.gap", "1")]
    assert live.get(path, headers={"Last-Event-ID": "1"}).status_code == 204


def reads() -> int:
    """How often anybody has looked into the index of the tenants' streams."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'event_stream'"
        )
        return int(cursor.fetchone()[0])


def test_many_who_listen_are_told_by_one_read(live: httpx.Client, tenant: Tenant) -> None:
    """PostgreSQL counts late: the first read of each stream may be among those seen."""
    listeners, events = 60, 10
    with ExitStack() as stack:
        streams = [stack.enter_context(following(live)) for _ in range(listeners)]
        for stream in streams:
            stream.begin()
        before = reads()
        for _ in range(events):
            told = end_one(tenant)
            assert {said.job for stream in streams for said in stream.take(1)} == {told}
        time.sleep(2)
        assert reads() - before < listeners * (events - 5)


def test_each_event_is_told_at_once(live: httpx.Client, tenant: Tenant) -> None:
    job = take(submit(tenant))
    path = f"{JOBS}/{job.id}/events"
    with following(live) as stream, following(live, path) as of_job:
        stream.begin(), of_job.begin()
        started = time.monotonic()
        for _ in range(30):
            report_progress(job, 0.5)
            assert ids(of_job.take(1))
            assert ids(stream.take(1))
        for state in (State.SUCCEEDED, State.CANCELLED) * 8:
            ended = str(bring_to(tenant, state))
            assert stream.take(1)[0].job == ended
    assert time.monotonic() - started < 5  # by looking each second it would take longer


def test_a_broker_that_forgets_everything_changes_nothing(
    live: httpx.Client, tenant: Tenant
) -> None:
    with following(live) as stream:
        stream.begin()
        jobs = [end_one(tenant)]
        redis_client().flushall()
        redis_client().client_kill_filter(_type="pubsub", skipme=True)
        jobs += [end_one(tenant) for _ in range(3)]
        assert [said.job for said in stream.take(4)] == jobs


def test_who_is_far_behind_is_told_in_pages(live: httpx.Client, tenant: Tenant) -> None:
    job = take(submit(tenant))
    for _ in range(3 * PAGE):
        report_progress(job, 0.5)
    finish(job)
    with following(live, f"{JOBS}/{job.id}/events") as stream:
        assert ids(list(stream)) == [str(number) for number in range(1, 3 * PAGE + 2)]
