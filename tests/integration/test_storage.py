"""Which store an installation has, and how long it is waited for."""

from __future__ import annotations

import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.s3 import ACCESS_KEY, SECRET_KEY
from voices.storage import WEB_STORE_SECONDS, audio_store, web_store
from voices.store import StoreDown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

SLOW = 4.0  # seconds; longer than a client is made to wait for one try


class SlowBucket(BaseHTTPRequestHandler):
    """Says, in its own time, that the bucket is there."""

    def do_HEAD(self) -> None:
        time.sleep(SLOW)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture
def slow_store(settings: Settings) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), SlowBucket) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        settings.S3_ENDPOINT = f"http://127.0.0.1:{server.server_port}"
        settings.S3_ACCESS_KEY, settings.S3_SECRET_KEY = ACCESS_KEY, SECRET_KEY
        with opened_anew():
            yield
        server.shutdown()
        thread.join()


@contextmanager
def opened_anew() -> Iterator[None]:
    for opened in (audio_store, web_store):
        opened.cache_clear()
    yield
    for opened in (audio_store, web_store):
        opened.cache_clear()


@pytest.mark.slow
def test_a_slow_store_is_down_for_clients_and_waited_for_by_workers(slow_store: None) -> None:
    audio_store().check()
    started = time.monotonic()
    with pytest.raises(StoreDown):
        web_store().check()
    assert time.monotonic() - started < WEB_STORE_SECONDS


def test_without_an_endpoint_both_are_one_folder() -> None:
    assert audio_store() is web_store()
