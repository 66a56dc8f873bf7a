"""An S3 that takes its time, is away or refuses. It has no objects, and knows what it was asked."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

from tests.s3 import ACCESS_KEY, BUCKET, REGION, SECRET_KEY
from voices.store.s3 import MinioStore, Patience

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

REFUSAL = b"<Error><Code>AccessDenied</Code><Message>No.</Message></Error>"


@dataclass
class Moody:
    """The store, how it is today, and the objects it was to delete, in order."""

    store: MinioStore
    seconds: float = 0.0
    away: bool = False
    refused: Collection[str] = ()
    asked: list[str] = field(default_factory=list)

    def answer(self, name: str) -> tuple[int, bytes]:
        self.asked.append(name)
        time.sleep(self.seconds)
        if self.away:
            return 503, b""
        return (403, REFUSAL) if name in self.refused else (204, b"")


@contextmanager
def moody_store() -> Iterator[Moody]:
    class Handler(BaseHTTPRequestHandler):
        def do_DELETE(self) -> None:
            status, body = moody.answer(self.path.removeprefix(f"/{BUCKET}/"))
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        moody = Moody(_open(f"http://127.0.0.1:{server.server_port}"))
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield moody
        finally:
            server.shutdown()
            thread.join()


def _open(endpoint: str) -> MinioStore:
    patience = Patience(connect=1.0, read=2.75)
    return MinioStore(endpoint, ACCESS_KEY, SECRET_KEY, BUCKET, region=REGION, patience=patience)
