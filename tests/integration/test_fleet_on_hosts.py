"""A worker on a host of its own: own network, own host name. PostgreSQL's socket stays a file."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.integration.composed import Composed, answers, come_in, servers_of, speaks
from tests.live import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

IP = shutil.which("ip")
NAME = f"vm{os.getpid()}"
HERE, THERE = "10.231.77.1", "10.231.77.2"


@dataclass(frozen=True)
class Host:
    """A network namespace behind a cable, with a host name in it."""

    name: str

    @property
    def within(self) -> tuple[str, ...]:
        named = ("sh", "-c", f'hostname {self.name} && exec "$@"', "sh")
        return ("ip", "netns", "exec", self.name, "unshare", "--uts", *named)


def ip(*words: str) -> bool:
    return IP is not None and subprocess.run([IP, *words], check=False).returncode == 0


@contextmanager
def cabled_host() -> Iterator[Host]:
    """Skips where this machine gives no namespaces, as to anybody but root."""
    if not (shutil.which("unshare") and ip("netns", "add", NAME)):
        pytest.skip("this machine lets us make no network namespace")
    try:
        laid = (
            ip("link", "add", f"{NAME}a", "type", "veth", "peer", f"{NAME}b", "netns", NAME)
            and ip("addr", "add", f"{HERE}/30", "dev", f"{NAME}a")
            and ip("link", "set", f"{NAME}a", "up")
            and ip("-n", NAME, "addr", "add", f"{THERE}/30", "dev", f"{NAME}b")
            and ip("-n", NAME, "link", "set", f"{NAME}b", "up")
        )
        if not laid:
            pytest.skip("this machine lets us lay no cable between network namespaces")
        yield Host(NAME)
    finally:
        ip("link", "del", f"{NAME}a")
        ip("netns", "del", NAME)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Composed]:
    """Everything but a worker on this host, and the one cpu worker on the other."""
    with cabled_host() as host, servers_of(tmp_path, HERE) as composed:
        come_in(composed)
        composed.start("dispatcher")
        composed.start("api")
        composed.start("cpu", "%h", within=host.within)
        wait_until(lambda: answers(composed.url, "/readyz"), what="the API")
        yield composed


def test_a_worker_on_another_host_speaks(fleet: Composed) -> None:
    wait_until(lambda: speaks(fleet), what="the other host")
    done = fleet.run("cpu", "python", "-m", "celery", "-A", "config", "inspect", "ping", "-t", "5")
    assert f"cpu@{NAME}: OK" in done.stdout
    assert done.stdout.count(": OK") == 1
