"""One conformance suite for every audio store, run against a folder and a real S3 server."""

from __future__ import annotations

import hashlib
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit
from uuid import uuid4

import pytest

from tests.contract.stores import WAV, Live, fresh, live_store, named
from voices.store import (
    NameRefused,
    ObjectDamaged,
    ObjectMissing,
    content_disposition,
    read_verified,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from voices.store import AudioStore

SHA = "ab" * 32
ODD_NAMES = [
    "",
    "/etc/passwd",
    "../../etc/passwd",
    f"shared/ab/../ab/{SHA}.wav",
    f"shared/../shared/ab/{SHA}.wav",
    f"/shared/ab/{SHA}.wav",
    f"shared\\ab\\{SHA}.wav",
    f"shared/ab/{SHA}.wav\0",
    f"shared/ab/{SHA}.wav\n",
    f"shared/cd/{SHA}.wav",
    f"shared/ab/{SHA.upper()}.wav",
    f"shared/ab/{SHA}",
    f"shared/ab/{SHA}.",
    f"shared/ab/{SHA}.WAV",
    f"shared/ab/{SHA}.{'w' * 300}",
    f"other/ab/{SHA}.wav",
    f"{uuid4().hex}/ab/{SHA}.wav",
]


@pytest.fixture(scope="module", params=["folder", "s3"])
def live(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    with live_store(request.param, tmp_path_factory.mktemp(request.param)) as live:
        yield live


@pytest.fixture
def store(live: Live) -> AudioStore:
    return live.open()


def test_what_is_put_is_read(store: AudioStore) -> None:
    name, data = fresh(200_000)
    before = datetime.now(UTC) - timedelta(seconds=2)
    store.put(name, data, media_type=WAV)
    assert store.read(name) == read_verified(store, name) == data
    found = store.stat(name)
    assert (found.name, found.size, found.media_type) == (name, len(data), WAV)
    assert before < found.modified < datetime.now(UTC) + timedelta(seconds=2)
    assert store.exists(name)


def test_a_file_is_put_like_bytes(store: AudioStore, tmp_path: Path) -> None:
    name, data = fresh(20_000_000)  # more than one part
    (tmp_path / "speech.wav").write_bytes(data)
    store.put(name, tmp_path / "speech.wav", media_type=WAV)
    assert store.read(name) == data


def test_an_empty_object_is_an_object(store: AudioStore) -> None:
    name = named(b"")
    store.put(name, b"", media_type=WAV)
    assert store.read(name) == b""
    assert list(store.open_range(name, 0, 10)) == []


@pytest.mark.parametrize(
    ("start", "length"),
    [(0, 1), (0, 1000), (400, 200), (999, 1), (990, 100), (1000, 1), (5000, 10)],
)
def test_a_range_is_the_bytes_that_are_there(store: AudioStore, start: int, length: int) -> None:
    name, data = fresh(1000)
    store.put(name, data, media_type=WAV)
    assert b"".join(store.open_range(name, start, length)) == data[start : start + length]


@pytest.mark.parametrize(("start", "length"), [(-1, 10), (0, 0), (0, -1)])
def test_a_range_without_bytes_is_a_mistake(store: AudioStore, start: int, length: int) -> None:
    with pytest.raises(ValueError, match="range"):
        store.open_range(fresh()[0], start, length)


def test_a_large_object_streams_in_little_memory(live: Live) -> None:
    store = live.open()
    name, data = fresh(30_000_000)
    store.put(name, data, media_type=WAV)
    digest = hashlib.sha256()
    tracemalloc.start()
    try:
        for piece in store.open_range(name, 0, len(data)):
            digest.update(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert digest.digest() == hashlib.sha256(data).digest()
    assert peak < 3_000_000


def test_a_stream_may_be_left_early(store: AudioStore) -> None:
    name, data = fresh(5_000_000)
    store.put(name, data, media_type=WAV)
    pieces = store.open_range(name, 0, len(data))
    assert data.startswith(next(pieces))
    pieces.close()
    assert store.read(name) == data


def test_putting_again_changes_nothing_but_the_date(store: AudioStore) -> None:
    name, data = fresh()
    store.put(name, data, media_type=WAV)
    first = store.stat(name).modified
    time.sleep(1.1)  # S3 tells whole seconds
    store.put(name, data, media_type=WAV)
    assert store.read(name) == data
    assert store.stat(name).modified > first


def test_puts_of_one_name_at_once_leave_one_whole_object(live: Live) -> None:
    name, data = fresh(3_000_000)
    store = live.open()
    with ThreadPoolExecutor(8) as pool:
        puts = [pool.submit(store.put, name, data, media_type=WAV) for _ in range(16)]
    assert [put.exception() for put in puts] == [None] * 16
    assert read_verified(store, name) == data
    assert [found.name for found in store.names(name)] == [name]


def test_a_missing_object_is_told_at_once(store: AudioStore) -> None:
    name, _ = fresh()
    assert not store.exists(name)
    for ask in (store.read, store.stat, lambda name: store.open_range(name, 0, 1)):
        with pytest.raises(ObjectMissing) as caught:
            ask(name)
        assert caught.value.permanent


def test_deleting_twice_is_fine(store: AudioStore) -> None:
    name, data = fresh()
    store.put(name, data, media_type=WAV)
    store.delete(name)
    store.delete(name)
    assert not store.exists(name)


def test_names_lists_what_is_stored_under_a_prefix(live: Live) -> None:
    store, tenant = live.open(), str(uuid4())
    data = [bytes([n]) * 10 for n in range(5)]
    for one in data:
        store.put(named(one, tenant), one, media_type=WAV)
    everything = {named(one, tenant) for one in data}
    assert {found.name for found in store.names(f"{tenant}/")} == everything
    assert {found.name for found in store.names(tenant[:20])} == everything
    assert everything <= {found.name for found in store.names()}
    shard = named(data[0], tenant).rpartition("/")[0]
    assert [found.name for found in store.names(shard)] == [named(data[0], tenant)]
    assert list(store.names(f"{uuid4()}/")) == []
    listed = next(iter(store.names(named(data[0], tenant))))
    assert (listed.size, listed.media_type) == (10, WAV)


def test_names_tells_the_old_from_the_used(store: AudioStore) -> None:
    tenant = str(uuid4())
    old, used = named(b"old", tenant), named(b"used", tenant)
    store.put(old, b"old", media_type=WAV)
    store.put(used, b"used", media_type=WAV)
    time.sleep(1.1)
    since = datetime.now(UTC)
    time.sleep(0.1)
    store.put(used, b"used", media_type=WAV)
    store.put(named(b"new", tenant), b"new", media_type=WAV)
    assert [found.name for found in store.names(tenant, older_than=since)] == [old]


def test_what_the_store_did_not_name_is_never_listed(live: Live) -> None:
    store, tenant = live.open(), str(uuid4())
    name = named(b"ours", tenant)
    store.put(name, b"ours", media_type=WAV)
    live.add(f"{tenant}/notes.txt", b"not ours")
    live.add(f"{name}.txt", b"not ours")
    assert [found.name for found in store.names(tenant)] == [name]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_reach_no_disk_and_no_server(store: AudioStore, name: str) -> None:
    asks: list[Callable[[], object]] = [
        lambda: store.put(name, b"x", media_type=WAV),
        lambda: store.read(name),
        lambda: store.open_range(name, 0, 1),
        lambda: store.stat(name),
        lambda: store.exists(name),
        lambda: store.delete(name),
        lambda: store.link(name, seconds=60, file_name="a.wav", media_type=WAV),
    ]
    for ask in asks:
        with pytest.raises(NameRefused):
            ask()


@pytest.mark.parametrize(
    "prefix", ["/", "..", "shared/..", "shared//", "shared/*", "shared/ab/../", "a" * 50]
)
def test_odd_prefixes_are_refused(store: AudioStore, prefix: str) -> None:
    with pytest.raises(NameRefused):
        list(store.names(prefix))


def test_damaged_content_is_never_handed_out(live: Live) -> None:
    store = live.open()
    name, data = fresh()
    store.put(name, data, media_type=WAV)
    live.path_of(name).write_bytes(b"?" + data[1:])
    with pytest.raises(ObjectDamaged):
        read_verified(store, name)
    store.delete(name)
    store.put(name, data, media_type=WAV)
    assert read_verified(store, name) == data


@pytest.mark.parametrize("file_name", ["speech.wav", 'Größe "1".wav', "\ud800a\r\nX: b&c=d%0a.wav"])
def test_a_link_serves_the_object_under_its_file_name(live: Live, file_name: str) -> None:
    store = live.open()
    name, data = fresh()
    store.put(name, data, media_type=WAV)
    got = live.follow(store.link(name, seconds=60, file_name=file_name, media_type="audio/x-test"))
    assert (got.status, got.body, got.media_type) == (200, data, "audio/x-test")
    assert got.disposition == content_disposition(file_name)


def test_a_link_expires(live: Live) -> None:
    store = live.open()
    name, data = fresh()
    store.put(name, data, media_type=WAV)
    link = store.link(name, seconds=1, file_name="a.wav", media_type=WAV)
    time.sleep(2.1)
    assert live.follow(link).status in {400, 403}


@pytest.mark.parametrize("seconds", [0, -1, 7 * 24 * 3600 + 1])
def test_a_link_lives_a_second_to_a_week(store: AudioStore, seconds: int) -> None:
    with pytest.raises(ValueError, match="second"):
        store.link(fresh()[0], seconds=seconds, file_name="a.wav", media_type=WAV)


def test_an_altered_link_serves_nothing(live: Live) -> None:
    store = live.open()
    (name, data), (other, other_data) = fresh(), fresh()
    store.put(name, data, media_type=WAV)
    store.put(other, other_data, media_type=WAV)
    link = store.link(name, seconds=60, file_name="a.wav", media_type=WAV)
    assert live.follow(link).status == 200
    altered = [link.replace(name, other), *alterations(link)]
    assert len(altered) > 4
    for forged in altered:
        assert live.follow(forged).status in {400, 403}, forged


def alterations(link: str) -> Iterator[str]:
    """The link with each of its parameters changed, and with each left out."""
    url = urlsplit(link)
    query = parse_qsl(url.query)
    for at, (key, value) in enumerate(query):
        changed = (
            str(int(value) + 60)
            if value.isdigit()
            else f"{value[:-1]}{'0' if value[-1] != '0' else '1'}"
        )
        for pairs in ([(key, changed)], []):
            forged = [*query[:at], *pairs, *query[at + 1 :]]
            yield urlunsplit(url._replace(query=urlencode(forged, quote_via=quote)))


def test_a_ready_store_passes_its_check(store: AudioStore) -> None:
    store.check()
