"""Many objects leave the store: nobody waits for all of them, and none is forgotten."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.db.models.functions import Now

from jobs import dispatch
from tests.conftest import make_tenant
from tests.ledger import HOUR, at_once, eventually
from tests.moody_store import moody_store
from tests.own import apart, cloned_voice, time_passes
from voices import storage
from voices.models import Removal, Render, Variant
from voices.owning import removals
from voices.owning.removals import ask_removal, remove_noted
from voices.store import audio_name
from voices.store.folder import FolderStore
from voices.store.names import sha256_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

    from tenants.models import Tenant
    from tests.moody_store import Moody
    from voices.models import Voice

pytestmark = pytest.mark.django_db(transaction=True)

SWEEP = "voices.owning.removals.remove_noted"


@pytest.fixture
def moody(monkeypatch: pytest.MonkeyPatch) -> Iterator[Moody]:
    with moody_store() as moody:
        monkeypatch.setattr(storage, "web_store", lambda: moody.store)
        yield moody


def names(tenant: Tenant, count: int, kind: str = "wav") -> list[str]:
    texts = [f"{kind} {number}".encode() for number in range(count)]
    return [audio_name(tenant.id, hashlib.sha256(text).hexdigest(), kind) for text in texts]


def put(names: list[str]) -> list[str]:
    """Small objects, in the folder."""
    for name in names:
        path = Path(settings.AUDIO_FOLDER) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a little")
    return names


def note(names: list[str]) -> list[str]:
    """As an erasure leaves them whose process has died."""
    Removal.objects.bulk_create(Removal(name=name) for name in names)
    return names


def stored(tenant: Tenant) -> int:
    return sum(1 for _ in storage.audio_store().names(f"{tenant.id}/"))


def has_said(voice: Voice, count: int) -> None:
    """So many renders and their files."""
    assert voice.tenant is not None
    masters, files = (put(names(voice.tenant, count, kind)) for kind in ("flac", "mp3"))
    said = [
        Render(key=sha256, tenant=voice.tenant, sha256=sha256, voice_id=voice.id)
        for sha256 in map(sha256_in, masters)
    ]
    Render.objects.bulk_create(said)
    Variant.objects.bulk_create(
        Variant(
            render=render,
            format="mp3",
            sample_rate=0,
            file_rate=24_000,
            loudness=-16.0,
            sha256=sha256_in(file),
            bytes=8,
        )
        for render, file in zip(said, files, strict=True)
    )


@pytest.mark.parametrize(("path", "renders"), [("", 1_000), ("/custom", 100)])
def test_a_voice_that_said_thousands_of_things_is_gone_at_once_and_its_files_soon(
    tenant: Tenant, mine: Client, path: str, renders: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removals, "STAY", 0.05)
    has_said(cloned_voice(tenant), renders)
    other = make_tenant("other")
    put(names(other, 3))
    answer = mine.delete(f"/api/v1/voices/brand{path}", headers={"If-Match": "*"})
    assert answer.status_code in {200, 204}, answer.content
    assert (Render.objects.count(), Variant.objects.count()) == (0, 0)
    left = Removal.objects.count()
    assert stored(tenant) > renders, "they did not hold up the request"
    assert remove_noted() == 0, "whoever let them go is still at it"
    time_passes()
    assert remove_noted(dry_run=True) == remove_noted() == left
    assert (stored(tenant), stored(other)) == (1 if path else 0, 3), "a sample stays for the next"


def test_a_request_does_not_wait_for_a_store_that_is_slow(tenant: Tenant, moody: Moody) -> None:
    moody.seconds = 0.3
    begun = time.monotonic()
    with transaction.atomic():
        ask_removal(names(tenant, 100))
    assert 2 <= time.monotonic() - begun < 15, "not thirty seconds"
    assert 1 <= len(moody.asked) <= 7
    assert Removal.objects.count() == 100 - len(moody.asked)


def test_a_bite_ends_in_time_for_the_next_to_be_fair(tenant: Tenant, moody: Moody) -> None:
    note(names(tenant, 100))
    moody.seconds = 0.1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(removals, "TURN", 0.5)
        assert remove_noted() == len(moody.asked) <= 5


def test_a_sweep_tells_how_many_are_noted_and_removes_none(
    tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    note(put(names(tenant, 7)))
    Removal.objects.update(due_at=Now() + HOUR)
    call_command("sweep", "--dry-run")
    assert f"{SWEEP}: 7\n" in capsys.readouterr().out
    assert (Removal.objects.count(), stored(tenant)) == (7, 7)
    time_passes()
    call_command("sweep")
    assert f"{SWEEP}: 7\n" in capsys.readouterr().out
    assert (Removal.objects.count(), stored(tenant)) == (0, 0)


@pytest.fixture
def prompter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "SWEEP_PROMPTLY", 0.1)


def test_the_dispatcher_removes_what_is_noted_without_waiting_for_the_sweeps(
    tenant: Tenant, prompter: None, dispatcher: None
) -> None:
    note(put(names(tenant, 20)))
    assert eventually(lambda: not Removal.objects.exists(), 30)
    assert stored(tenant) == 0


def test_a_tenant_with_one_object_does_not_wait_for_anothers_thousands(
    tenant: Tenant, moody: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removals, "BITE", 10)
    note(names(tenant, 1_000))
    [one] = note(names(make_tenant("small"), 1))
    assert removals._work_off_bite() == 10
    assert one in moody.asked[:2]


def test_two_who_sweep_at_once_share_the_work(
    tenant: Tenant, moody: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removals, "BITE", 10)
    many = note(names(tenant, 200))
    done = at_once(2, lambda _: remove_noted())
    assert sum(done) == 200
    assert min(done) > 0
    assert Counter(moody.asked) == Counter(many), "each was asked for once"


def test_what_somebody_took_and_left_is_taken_by_another(tenant: Tenant) -> None:
    note(names(tenant, 3))
    removals._rows(removals.TAKE, {"most": 2, "hold": HOUR})  # and dies
    assert remove_noted() == 1
    assert remove_noted() == 0
    time_passes()
    assert remove_noted() == 2


def test_a_store_that_is_away_is_asked_for_one_object_and_then_left(
    tenant: Tenant, moody: Moody
) -> None:
    note(names(tenant, 50))
    moody.away = True
    assert remove_noted() == 0
    assert len(set(moody.asked)) == 1
    moody.asked.clear()
    assert remove_noted() == 0
    assert moody.asked == [], "nothing is due for a while"
    moody.away = False
    time_passes()
    assert remove_noted() == 50


def test_an_object_that_fails_does_not_stand_before_the_others_again(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk has a flaw where the first of them lies."""
    first, *_ = note(put(names(tenant, 10)))
    Removal.objects.filter(name=first).update(asked_at=Now() - HOUR)
    path = Path(settings.AUDIO_FOLDER) / first
    path.unlink()
    path.mkdir()
    monkeypatch.setattr(removals, "HOLD", timedelta(seconds=0.5))
    assert remove_noted() == 0
    assert eventually(remove_noted, 15) == 9
    path.rmdir()
    time_passes()
    assert remove_noted() == 1


def test_what_the_store_refuses_keeps_nothing_else_and_is_tried_again_later(
    tenant: Tenant, moody: Moody
) -> None:
    moody.refused = note(names(tenant, 10))[:4]
    assert remove_noted() == 6
    assert len(moody.asked) == 10, "each was tried once"
    assert set(Removal.objects.values_list("name", flat=True)) == set(moody.refused)
    moody.refused = ()
    time_passes()
    assert remove_noted() == 4


def test_an_object_that_is_let_go_again_while_it_is_removed_stays_noted(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody put the same bytes anew, and let them go: that removal is theirs to see through."""
    [name] = note(put(names(tenant, 1)))
    delete = FolderStore.delete

    def delete_while_it_is_asked_for(store: FolderStore, wanted: str) -> None:
        delete(store, wanted)
        put([name])
        again = apart(lambda: removals.remove_now([name]))
        again.start()
        again.join(20)

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "delete", delete_while_it_is_asked_for)
        assert remove_noted() == 0
    assert (Removal.objects.count(), stored(tenant)) == (1, 1)
    time_passes()
    assert remove_noted() == 1
    assert stored(tenant) == 0


def test_what_is_put_meanwhile_is_passed_over_and_tried_again(tenant: Tenant) -> None:
    [name] = note(names(tenant, 1))
    begun, done = threading.Event(), threading.Event()

    def hold() -> None:
        with storage.putting(name):
            begun.set()
            assert done.wait(20)

    holder = apart(hold)
    holder.start()
    assert begun.wait(20)
    assert remove_noted() == 0
    done.set()
    holder.join(20)
    time_passes()
    assert remove_noted() == 1
