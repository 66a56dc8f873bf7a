"""Clients of event streams, in a process of their own: when each of them received each event."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import uvloop

from tests.bench.on_demand import serve

URL, CLIENTS = urlsplit(os.environ["BENCH_URL"]), int(os.environ["BENCH_CLIENTS"])
KEY = os.environ["BENCH_KEY"]
REQUEST = (
    f"GET /api/v1/events HTTP/1.1\r\nHost: {URL.netloc}\r\nAuthorization: Bearer {KEY}\r\n\r\n"
)
AT_ONCE = 50  # connections that are being opened at one time
EVENT = b"event: job.progress\n"


class Listener(asyncio.Protocol):
    """Notes when each event arrives."""

    def __init__(self, opened: asyncio.Semaphore) -> None:
        self.opened, self.begun = opened, False
        self.received: list[float] = []

    def connection_made(self, transport: Any) -> None:
        transport.write(REQUEST.encode())

    def data_received(self, data: bytes) -> None:
        if not self.begun and b"retry:" in data:
            self.begun = True
            self.opened.release()
        self.received += [time.monotonic()] * data.count(EVENT)


async def open_all(listeners: list[Listener]) -> None:
    loop, opening = asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)
    host, port = URL.hostname or "", URL.port or 0
    for _ in range(CLIENTS):
        await opening.acquire()
        _, listener = await loop.create_connection(partial(Listener, opening), host, port)
        listeners.append(listener)
    while not all(listener.begun for listener in listeners):
        await asyncio.sleep(0.01)


def main() -> None:
    listeners: list[Listener] = []
    loop = uvloop.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(open_all(listeners), loop).result(120)

    def receive(count: int) -> str:
        """Wait until every client has so many, and give them all away."""
        while any(len(listener.received) < count for listener in listeners):
            time.sleep(0.01)
        told = [listener.received for listener in listeners]
        for listener in listeners:
            listener.received = []
        return json.dumps(told)

    serve(receive)


if __name__ == "__main__":
    main()
