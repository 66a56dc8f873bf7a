"""Backup and restore as docs/operations.md tells it: dump, wipe, restore elsewhere, speak."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from fleet.scratch import scratch_services
from fleet.services import OWNER
from tests.live import own_stack, stack_on, wait_until
from tests.receivers import Reply, receiver
from tests.speech import JOBS, SYNTHESIZE
from tests.sse import following

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from fleet.services import Services
    from tests.live import Stack
    from tests.receivers import Receiver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SETTINGS = {"WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8", "WEBHOOK_RETRY_SECONDS": "5,5,5,5,5"}
LONG = "The mill turns at night, and it rests by day. " * 100
# So that the server that follows, a new one, counts its transactions far below.
OLD_SERVER = """
    DO $$ BEGIN FOR n IN 1..20000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"""
NEWEST_EVENT = "SELECT max(transaction) FROM jobs_event"
NEXT_TRANSACTION = "SELECT pg_snapshot_xmax(pg_current_snapshot())"
ENDED_TWICE = """
    SELECT job_id FROM jobs_event WHERE name <> 'job.progress'
     GROUP BY job_id HAVING count(*) > 1"""
UNPAID = """
    SELECT id FROM jobs_job j WHERE state = 'succeeded'
       AND 1 <> (SELECT count(*) FROM jobs_usage u WHERE u.job_id = j.id)"""


@dataclass
class Before:
    """What the first fleet had, as its clients saw it."""

    token: str = ""
    spoken: str = ""
    sha256: str = ""
    running: str = ""
    queued: list[str] = field(default_factory=list)
    cancelled: str = ""
    place: str = ""  # of a client that follows events
    newest: int = 0

    @property
    def unfinished(self) -> list[str]:
        return [self.running, *self.queued]


@dataclass(frozen=True)
class Rehearsal:
    """A fleet on a new server, what the one before it had, and a receiver that knew both."""

    stack: Stack
    before: Before
    hooks: Receiver
    hooked: list[str]  # the messages that came before the wipe
    began: int  # the new server's first transaction


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    first, second, safe = (tmp_path_factory.mktemp(name) for name in ("first", "second", "safe"))
    with receiver(lambda _: Reply(500)) as hooks:
        with own_stack(first, **SETTINGS) as stack:
            before = live_a_while(stack, hooks)
            back_up(stack.services, first, safe)
        hooked = hooks.ids()
        shutil.rmtree(first)
        hooks.answer = lambda _: Reply()
        with restored(second, safe) as services:
            began = int(services.postgres.query(NEXT_TRANSACTION, OWNER))
            with stack_on(services, second, before.token, **SETTINGS) as stack:
                yield Rehearsal(stack, before, hooks, hooked, began)


@pytest.fixture
def client(rehearsal: Rehearsal) -> Iterator[httpx.Client]:
    with rehearsal.stack.client() as one:
        yield one


def live_a_while(stack: Stack, hooks: Receiver) -> Before:
    """Every kind of unfinished business: its worker and its dispatcher have stopped by then."""
    stack.services.postgres.query(OLD_SERVER, OWNER)
    before = Before(token=stack.token)
    with stack.client() as client:
        made = client.post("/api/v1/webhooks", json={"url": hooks.url})
        assert made.status_code == 201, made.text
        with following(client) as stream:
            stream.begin()
            before.spoken = say(client, "Kept.")["id"]
            before.place = next(said.id for said in stream if said.job == before.spoken)
        before.sha256 = sha256_of(client, before.spoken)
        hooks.wait_for(1)
        before.running = held_by_a_stopped_worker(stack, client)
        before.queued = [submit(client, f"Later, number {number}.") for number in range(3)]
        stack.dispatcher.send_signal(signal.SIGSTOP)
        before.cancelled = submit(client, "Never.")
        client.post(f"{JOBS}/{before.cancelled}/cancel")
    before.newest = int(stack.services.postgres.query(NEWEST_EVENT, OWNER))
    return before


def held_by_a_stopped_worker(stack: Stack, client: httpx.Client) -> str:
    job_id = submit(client, LONG)
    wait_until(lambda: state(client, job_id) == "running")
    stack.worker.send_signal(signal.SIGSTOP)
    assert state(client, job_id) == "running"
    return job_id


def back_up(services: Services, folder: Path, safe: Path) -> None:
    """The ledger first, then the store. Nothing of Redis."""
    tool(services, "pg_dump", "-Fc", "-d", OWNER, "-f", str(safe / "ledger.dump"))
    shutil.copytree(folder / "audio", safe / "audio")


@contextmanager
def restored(folder: Path, safe: Path) -> Iterator[Services]:
    """A new server, an empty Redis, and what was kept."""
    with ExitStack() as stack:
        services = stack.enter_context(scratch_services(folder, durable=True))
        where = ("-d", OWNER, "--no-owner", "--exit-on-error")
        tool(services, "pg_restore", *where, str(safe / "ledger.dump"))
        shutil.copytree(safe / "audio", folder / "audio")
        yield services


def tool(services: Services, name: str, *arguments: str) -> None:
    postgres = services.postgres
    where = ("-h", str(postgres.sockets), "-U", OWNER)
    subprocess.run([postgres.tools / name, *where, *arguments], check=True, timeout=60)


def submit(client: httpx.Client, text: str) -> str:
    return str(client.post(SYNTHESIZE, json={"text": text}).json()["id"])


def say(client: httpx.Client, text: str) -> dict[str, Any]:
    """A job that has ended, or what the API said instead."""
    prefer = {"Prefer": "wait=20"}
    said: dict[str, Any] = client.post(SYNTHESIZE, json={"text": text}, headers=prefer).json()
    assert said["state"] == "succeeded", said
    return said


def state(client: httpx.Client, job_id: str) -> str:
    return str(client.get(f"{JOBS}/{job_id}").json()["state"])


def sha256_of(client: httpx.Client, job_id: str) -> str:
    audio = client.get(f"{JOBS}/{job_id}/audio", follow_redirects=True)
    assert audio.status_code == 200, audio.text
    return hashlib.sha256(audio.content).hexdigest()


def test_the_ledger_has_come_from_a_server_that_was_ahead(rehearsal: Rehearsal) -> None:
    assert rehearsal.before.newest > rehearsal.began


def test_the_old_key_opens_the_old_audio(rehearsal: Rehearsal, client: httpx.Client) -> None:
    before = rehearsal.before
    assert sha256_of(client, before.spoken) == before.sha256
    assert state(client, before.cancelled) == "cancelled"


def test_what_was_queued_or_running_is_done_once(
    rehearsal: Rehearsal, client: httpx.Client
) -> None:
    before = rehearsal.before
    for job_id in before.unfinished:
        wait_until(lambda job=job_id: state(client, job) == "succeeded", what=job_id)  # type: ignore[misc]
    tried = client.get(f"{JOBS}/{before.running}").json()["attempt"]
    assert tried == 2  # the worker of before, and one of now
    assert all(sha256_of(client, job_id) for job_id in before.unfinished)
    ledger = rehearsal.stack.services.postgres
    assert [ledger.query(wrong, OWNER) for wrong in (ENDED_TWICE, UNPAID)] == ["", ""]


def test_new_sentences_are_spoken(client: httpx.Client) -> None:
    assert sha256_of(client, say(client, "After the restore.")["id"])


def test_a_client_of_before_is_told_of_a_gap_and_then_of_what_is_new(
    rehearsal: Rehearsal, client: httpx.Client
) -> None:
    with following(client, last=rehearsal.before.place) as stream:
        (gap,) = stream.take(1)
        assert gap.name == "stream.gap"
        spoken = say(client, "Followed.")["id"]
        ended = [said.job for said in stream.take(1)]
    assert ended == [spoken]


def test_messages_on_their_way_arrive_under_their_ids(
    rehearsal: Rehearsal, client: httpx.Client
) -> None:
    """One that was tried before, and one of an event that no dispatcher had taken up."""
    before, hooks = rehearsal.before, rehearsal.hooks
    tried, untold = (f"msg_{one.replace('-', '')}_1" for one in (before.spoken, before.cancelled))
    assert tried in rehearsal.hooked
    assert untold not in rehearsal.hooked
    told = len(rehearsal.hooked)
    wait_until(lambda: {tried, untold} <= set(hooks.ids()[told:]), what="both messages")
    spoken = say(client, "Told.")["id"]
    wait_until(lambda: any(spoken.replace("-", "") in one for one in hooks.ids()))
    assert hooks.ids()[told:].count(untold) == 1
