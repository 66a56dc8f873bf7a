"""A client of event streams that comes back with its place whenever a stream ends."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import closing, suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from tests.chaos.caller import Heard, read_answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPConnection, HTTPResponse

    from tests.chaos.caller import Caller

BACK_AFTER = 0.5  # seconds; the stream itself would be content with two
OK, OVER = 200, 204


class Follower:
    """Reads a stream's events over as many connections as it takes."""

    def __init__(self, caller: Caller, path: str) -> None:
        self.caller, self.path = caller, path
        self.last = ""
        self.leaving = threading.Event()
        self._connection: HTTPConnection | None = None

    def events(self) -> Iterator[dict[str, Any]]:
        """Until the stream is over, or whoever listens has heard enough."""
        while not self.leaving.is_set():
            try:
                self._connection, response = self.caller.stream(self.path, self.last)
                with closing(self._connection):
                    if self._is_open(response):
                        yield from self._read(response)
                        self.caller.seen.note_hang_up()
                    elif response.status == OVER:
                        return
            except (OSError, HTTPException) as error:
                if not self.leaving.is_set():
                    self.caller.seen.note_failure(f"stream {self.path}", error)
            self.leaving.wait(BACK_AFTER)

    def leave(self) -> None:
        self.leaving.set()
        sock: socket.socket | None = self._connection.sock if self._connection else None
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _is_open(self, response: HTTPResponse) -> bool:
        opened = response.status == OK
        heard = Heard(OK, False, 0, b"") if opened else read_answer(response)
        return self.caller.seen.note_answer(f"stream {self.path}", heard) and opened

    def _read(self, response: HTTPResponse) -> Iterator[dict[str, Any]]:
        """Events of one connection, to its clean end."""
        data = ""
        while line := response.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name == "data":
                data = value
            elif name == "id":
                self.last = value
            elif not name and data:
                said, data = json.loads(data), ""
                yield said
