"""Flower and scrapers only look on: jobs go on where they hang, or are killed."""

from __future__ import annotations

import signal
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.live import Stack, own_stack, python, wait_until
from tests.speech import SYNTHESIZE

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

SCRAPERS = 20
ASKED = 300  # answers by each, far more than a connection's buffers hold
FLOWER = {"WEB": "off", "FLOWER_UNAUTHENTICATED_API": "true", "FLOWER_ENABLE_EVENTS": "true"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with own_stack(tmp_path_factory.mktemp("onlookers")) as whole:
        yield whole


@pytest.fixture
def flower(stack: Stack, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Flower, once it knows the worker and hears of each task."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    where = ("--address=127.0.0.1", f"--port={number}")
    command = ("-m", "celery", "-A", "config", "flower", *where)
    environment = {**stack.environment, **FLOWER}
    with python(*command, log=tmp_path / "flower.log", environment=environment) as process:
        wait_until(lambda: _knows(f"http://127.0.0.1:{number}/api/workers?refresh=1"))
        yield process


def _knows(url: str) -> bool:
    try:
        return "cpu@own" in httpx.get(url, timeout=5).text
    except httpx.HTTPError:
        return False


def speaks(stack: Stack, text: str) -> bool:
    with stack.client() as client:
        job = client.post(SYNTHESIZE, json={"text": text}, headers={"Prefer": "wait=20"}).json()
    return bool(job["state"] == "succeeded")


def test_jobs_go_on_where_flower_hangs_and_where_it_was_killed(
    stack: Stack, flower: subprocess.Popen[bytes]
) -> None:
    assert speaks(stack, "Flower is there.")
    flower.send_signal(signal.SIGSTOP)
    assert [speaks(stack, f"Flower hangs, {number}.") for number in range(5)] == [True] * 5
    flower.kill()
    flower.wait()
    assert [speaks(stack, f"Flower is gone, {number}.") for number in range(5)] == [True] * 5


def scraper_that_stops_reading(port: int) -> socket.socket:
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect(("127.0.0.1", port))
    line.settimeout(20)
    line.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * ASKED)
    assert line.recv(12) == b"HTTP/1.1 200"
    return line


def test_scrapers_that_stop_in_the_middle_of_an_answer_hold_up_nobody(stack: Stack) -> None:
    with ExitStack() as held:
        for _ in range(SCRAPERS):
            held.enter_context(scraper_that_stops_reading(stack.server.port))
        assert speaks(stack, "Nobody reads the figures.")
        with stack.client(seconds=10) as client:
            assert "voicemill_queue_depth" in client.get("/metrics").text
            assert client.get("/readyz").status_code == 200
    assert speaks(stack, "They have hung up.")
