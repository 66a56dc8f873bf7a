"""A sweep removes an orphan at the very moment somebody puts the same bytes again."""

from __future__ import annotations

import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from tests.live import wait_until
from voices.storage import audio_store, put_audio
from voices.store import audio_name
from voices.store.folder import FolderStore
from voices.sweeps import remove_orphans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)

DATA = b"said before, and said again"
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
HOLDER = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"


@pytest.fixture
def orphan(tenant: Tenant) -> str:
    """The name of an object that no row has named for days."""
    for stored in list(audio_store().names()):
        audio_store().delete(stored.name)
    name = audio_name(tenant.id, put_audio(tenant.id, DATA, "wav"), "wav")
    path = Path(settings.AUDIO_FOLDER) / name
    days_ago = (datetime.now(UTC) - timedelta(days=3)).timestamp()
    os.utime(path, (days_ago, days_ago))
    return name


@pytest.fixture
def putting(tenant: Tenant) -> Iterator[Callable[[], Future[str]]]:
    """Begins to put the same bytes, as another worker does."""

    def put() -> str:
        try:
            return put_audio(tenant.id, DATA, "wav")
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        yield lambda: pool.submit(put)


class Halted:
    """Puts stop in front of the store until they may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.go_on = Event(), Event()
        put = FolderStore.put

        def halt(store: FolderStore, *args: Any, **named: Any) -> None:
            self.reached.set()
            assert self.go_on.wait(30)
            put(store, *args, **named)

        monkeypatch.setattr(FolderStore, "put", halt)


def ask(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
        return row[0] if row else None


def test_what_is_put_between_the_last_look_and_the_removal_is_there_afterwards(
    orphan: str, putting: Callable[[], Future[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = FolderStore.delete
    begun: list[Future[str]] = []

    def put_and_delete(store: FolderStore, name: str) -> None:
        begun.append(putting())
        wait_until(lambda: begun[0].done() or ask(WAITING) == 1)
        delete(store, name)

    monkeypatch.setattr(FolderStore, "delete", put_and_delete)
    assert remove_orphans() == 1
    assert begun[0].result(30) in orphan
    assert audio_store().read(orphan) == DATA


def test_a_sweep_passes_over_what_is_being_put(
    orphan: str, putting: Callable[[], Future[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    halted = Halted(monkeypatch)
    several = [putting(), putting()]  # side by side
    wait_until(lambda: ask(HOLDER.replace("pid", "count(*)")) == len(several))
    started = time.monotonic()
    assert remove_orphans() == 0
    assert time.monotonic() - started < 2
    halted.go_on.set()
    assert {one.result(30) in orphan for one in several} == {True}
    assert ask(HOLDER) is None
    assert audio_store().read(orphan) == DATA


def test_a_put_that_lost_its_lock_with_the_ledger_says_so(
    orphan: str, putting: Callable[[], Future[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    halted = Halted(monkeypatch)
    one = putting()
    assert halted.reached.wait(30)
    ask(f"SELECT pg_terminate_backend(({HOLDER}))")
    wait_until(lambda: ask(HOLDER) is None)
    assert remove_orphans() == 1
    halted.go_on.set()
    with pytest.raises(OperationalError):
        one.result(30)


def test_a_put_that_fails_lets_the_sweep_do_its_work(
    orphan: str, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no space")

    with monkeypatch.context() as patched:
        patched.setattr(FolderStore, "put", fail)
        with pytest.raises(OSError, match="no space"):
            put_audio(tenant.id, DATA, "wav")
    assert ask(HOLDER) is None
    assert remove_orphans() == 1
