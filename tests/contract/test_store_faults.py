"""The stores when things break: killed uploads, wrong keys, and servers that refuse or hang."""

from __future__ import annotations

import io
import multiprocessing
import socket
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PosixPath
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.contract.stores import (
    QUICK,
    WAV,
    Live,
    fresh,
    live_s3,
    live_store,
    open_folder,
    open_impatient_s3,
    open_s3,
)
from tests.s3 import ACCESS_KEY, REGION, SECRET_KEY, S3Server, serve_s3
from voices.store import (
    LinkExpired,
    LinkInvalid,
    ObjectMissing,
    StoreDown,
    StoreError,
    StoreRefused,
    read_verified,
)
from voices.store.folder import FolderStore
from voices.store.s3 import MinioStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from voices.store import AudioStore

LARGE = 30_000_000


class InterruptedFile(PosixPath):
    """A file at whose half something happens to the one who reads it."""

    interrupt: Callable[[], None]

    def open(self, *_: Any, **__: Any) -> io.FileIO:  # type: ignore[override]
        interrupt = self.interrupt

        class Stream(io.FileIO):
            def read(self, size: int | None = -1, /) -> bytes:
                if self.tell() >= LARGE // 2:
                    interrupt()
                return super().read(-1 if size is None else size)

        return Stream(self, "rb")


@pytest.fixture(scope="module", params=["folder", "s3"])
def live(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    with live_store(request.param, tmp_path_factory.mktemp(request.param)) as live:
        yield live


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with serve_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def large(tmp_path: Path) -> tuple[str, Path]:
    name, data = fresh(LARGE)
    (tmp_path / "large.wav").write_bytes(data)
    return name, tmp_path / "large.wav"


def put_and_stall(
    open_store: Callable[[], AudioStore], name: str, path: Path, at: Connection
) -> None:
    """In a process that will be killed: put the file, and stop for good at its half."""
    source = InterruptedFile(path)

    def stall() -> None:
        at.send("half")
        time.sleep(60)

    source.interrupt = stall
    open_store().put(name, source, media_type=WAV)


def kill_in_the_middle_of_a_put(live: Live, name: str, path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=put_and_stall, args=(live.open, name, path, there))
    process.start()
    try:
        assert here.poll(30)
    finally:
        process.kill()
        process.join()
        here.close()
        there.close()


@pytest.mark.slow
def test_a_killed_upload_shows_nothing_and_can_be_repeated(
    live: Live, large: tuple[str, Path]
) -> None:
    name, path = large
    store = live.open()
    kill_in_the_middle_of_a_put(live, name, path)
    assert not store.exists(name)
    assert list(store.names(name)) == []
    store.put(name, path, media_type=WAV)
    assert read_verified(store, name) == path.read_bytes()


@pytest.mark.slow
def test_a_killed_upload_over_an_object_leaves_the_object(
    live: Live, large: tuple[str, Path]
) -> None:
    name, path = large
    store = live.open()
    store.put(name, b"an older, damaged object", media_type=WAV)
    kill_in_the_middle_of_a_put(live, name, path)
    assert store.read(name) == b"an older, damaged object"


@pytest.mark.slow
def test_the_folder_loses_what_killed_uploads_left(tmp_path: Path, large: tuple[str, Path]) -> None:
    name, path = large
    with live_store("folder", tmp_path) as live:
        store = live.open()
        store.put(fresh()[0], b"a finished object", media_type=WAV)
        kill_in_the_middle_of_a_put(live, name, path)
        hour = timedelta(hours=1)
        assert store.remove_leftovers(older_than=datetime.now(UTC) - hour) == 0
        assert store.remove_leftovers(older_than=datetime.now(UTC) + hour) == 1
        assert [file.suffix for file in tmp_path.rglob("*") if file.is_file()] == [".wav", ".wav"]


def test_a_source_that_fails_leaves_nothing(live: Live, large: tuple[str, Path]) -> None:
    name, path = large
    source = InterruptedFile(path)

    def fail() -> None:
        raise RuntimeError("the encoder died")

    source.interrupt = fail
    with pytest.raises(RuntimeError, match="encoder"):
        live.open().put(name, source, media_type=WAV)
    assert not live.open().exists(name)
    assert not [file for file in live.path_of(name).parent.glob("*") if file.is_file()]


def test_a_source_that_shrinks_is_not_stored(live: Live, large: tuple[str, Path]) -> None:
    name, path = large
    source = InterruptedFile(path)
    source.interrupt = lambda: _truncate(path, LARGE // 2)
    with pytest.raises(StoreDown):
        live.open().put(name, source, media_type=WAV)
    assert not live.open().exists(name)


def test_a_source_that_is_not_there_is_the_callers_error(live: Live, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        live.open().put(fresh()[0], tmp_path / "nothing.wav", media_type=WAV)


@pytest.mark.parametrize("wrong", [{"secret_key": "wrong"}, {"access_key": "nobody"}])
def test_a_wrong_key_is_refused_for_good(s3: S3Server, wrong: dict[str, str]) -> None:
    name, data = fresh()
    open_s3(s3.endpoint).put(name, data, media_type=WAV)
    store = open_s3(s3.endpoint, **wrong)
    for ask in requests_to(store, name):
        with pytest.raises(StoreRefused) as caught:
            ask()
        assert caught.value.permanent
    link = store.link(name, seconds=60, file_name="a.wav", media_type=WAV)
    assert live_s3(s3).follow(link).status in {400, 403}
    assert open_s3(s3.endpoint).read(name) == data


def test_a_missing_bucket_is_an_operators_matter(s3: S3Server) -> None:
    store = MinioStore(s3.endpoint, ACCESS_KEY, SECRET_KEY, "nothere", region=REGION)
    for ask in (store.check, lambda: store.read(fresh()[0]), lambda: list(store.names())):
        with pytest.raises(StoreRefused, match=r"bucket"):
            ask()


def test_a_link_carries_the_public_address(s3: S3Server) -> None:
    store = MinioStore(
        "http://127.0.0.1:1",
        ACCESS_KEY,
        SECRET_KEY,
        "audio",
        region=REGION,
        public_endpoint=s3.endpoint,
    )
    name, data = fresh()
    open_s3(s3.endpoint).put(name, data, media_type=WAV)
    link = store.link(name, seconds=60, file_name="a.wav", media_type=WAV)
    assert live_s3(s3).follow(link).body == data


def test_a_link_signed_with_another_secret_is_invalid(tmp_path: Path) -> None:
    ours = open_folder(tmp_path)
    theirs = FolderStore(tmp_path, secret="another", base_url="http://api.test/files")
    name, _ = fresh()
    query = urlsplit(theirs.link(name, seconds=1, file_name="a.wav", media_type=WAV)).query
    for tried in (query, "", "signature=", "signature=%ff%c3", query.replace("signature=", "s=")):
        with pytest.raises(LinkInvalid):
            ours.verify_link(name, tried)
    time.sleep(2)
    with pytest.raises(LinkExpired):
        theirs.verify_link(name, query)
    with pytest.raises(LinkInvalid):  # who did not sign it does not learn that it has expired
        ours.verify_link(name, query)


def test_a_refusing_store_is_down_and_soon_told() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        store = open_impatient_s3(f"http://127.0.0.1:{unused.getsockname()[1]}")
        assert_down(store, within=2.0)


def test_a_hanging_store_is_down_within_its_patience() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        store = open_impatient_s3(f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert_down(store, within=2 * (QUICK.connect + QUICK.read) + 0.5)


@pytest.mark.parametrize("status", [500, 503, 404])
def test_a_proxy_that_answers_for_the_store_means_down(status: int) -> None:
    with answering(status) as endpoint:
        store = open_impatient_s3(endpoint)
        for ask in (lambda: store.read(fresh()[0]), lambda: list(store.names())):
            with pytest.raises(StoreDown):
                ask()


def test_a_store_that_stops_in_the_middle_of_a_stream_is_down(tmp_path: Path) -> None:
    name, data = fresh(LARGE)
    with serve_s3(tmp_path) as server:
        store = open_s3(server.endpoint)
        store.put(name, data, media_type=WAV)
        pieces = store.open_range(name, 0, LARGE)
        assert data.startswith(next(pieces))
        server.kill()
        with pytest.raises(StoreDown):
            list(pieces)


def test_a_store_that_comes_back_is_used_again(tmp_path: Path) -> None:
    name, data = fresh()
    with serve_s3(tmp_path) as server:
        store = open_s3(server.endpoint)
        store.put(name, data, media_type=WAV)
        server.stop()
        with pytest.raises(StoreDown):
            store.read(name)
        server.start()
        assert store.read(name) == data


def test_a_folder_that_cannot_be_written_is_down(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = open_folder(tmp_path / "file" / "audio")
    for ask in (store.check, lambda: store.put(*fresh(), media_type=WAV)):
        with pytest.raises(StoreDown):
            ask()


def test_every_error_says_whether_to_try_again() -> None:
    assert not StoreDown.permanent
    assert StoreRefused.permanent
    assert ObjectMissing.permanent
    codes = [error.code for error in StoreError.__subclasses__()]
    assert len(codes) == len(set(codes)) == 7


def requests_to(store: AudioStore, name: str) -> list[Callable[[], object]]:
    """Everything that asks the server something."""
    return [
        store.check,
        lambda: store.put(name, b"other", media_type=WAV),
        lambda: store.read(name),
        lambda: store.open_range(name, 0, 1),
        lambda: store.stat(name),
        lambda: store.exists(name),
        lambda: store.delete(name),
        lambda: list(store.names()),
    ]


def assert_down(store: AudioStore, *, within: float) -> None:
    for ask in requests_to(store, fresh()[0]):
        began = time.monotonic()
        with pytest.raises(StoreDown) as caught:
            ask()
        assert time.monotonic() - began < within
        assert not caught.value.permanent


@contextmanager
def answering(status: int) -> Iterator[str]:
    """A web server that is no S3 and answers every GET with one status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"oops")

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _truncate(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
