"""Flower under `make run`: its way in is private and kept from start to start."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import stat
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fleet.flower import PREFERRED_PORT, Flower, free_port
from fleet.places import socket_folder
from tests.integration.clones import NAMES, embedded, of_fleet
from tests.integration.stand_in import make_stand_in
from tests.integration.supervised import until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    root = make_stand_in(tmp_path / "clone")
    yield root
    assert of_fleet(root) == []
    shutil.rmtree(socket_folder(root), ignore_errors=True)


@contextmanager
def running(root: Path) -> Iterator[dict[str, Any]]:
    """A fleet of the clone, once all of it is up: what it says of itself."""
    with (root / "run.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "fleet.run"], cwd=root, stdout=log)
    try:
        until(lambda: set(embedded(root)["pids"]) == NAMES, 30)
        yield embedded(root)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def shown(pid: int, part: str) -> str:
    return Path(f"/proc/{pid}/{part}").read_text(errors="replace")


def test_the_way_in_is_kept_and_stands_on_no_command_line(clone: Path) -> None:
    with running(clone) as first:
        assert stat.S_IMODE((clone / "var" / "embedded.json").stat().st_mode) == 0o600
    with running(clone) as second:
        lines = [shown(pid, "cmdline") for pid in second["pids"].values()]
        environment = shown(second["pids"]["flower"], "environ").split("\0")
    password = first["flower_password"]
    assert len(password) >= 16
    assert second["flower_password"] == password
    assert f"FLOWER_BASIC_AUTH={second['flower_user']}:{password}" in environment
    assert [line for line in lines if second["flower_url"].rpartition(":")[2] in line]
    assert not [line for line in lines if password in line]


def test_flower_is_given_no_way_to_the_ledger(clone: Path) -> None:
    with running(clone) as told:
        environment = shown(told["pids"]["flower"], "environ").split("\0")
        worker = shown(told["pids"]["cpu"], "environ").split("\0")
    for name in ("DATABASE_URL=", "SECRET_KEY="):
        (theirs,) = [one for one in worker if one.startswith(name)]
        assert theirs not in environment


def test_a_clone_from_before_flower_keeps_its_keys(clone: Path) -> None:
    with running(clone) as first:
        old = {name: value for name, value in first.items() if not name.startswith("flower")}
    (clone / "var" / "embedded.json").write_text(json.dumps(old | {"pids": {}}))
    with running(clone) as second:
        assert second["api_key"] == first["api_key"]
        assert second["flower_password"]


def test_a_taken_port_is_left_to_whoever_has_it() -> None:
    with suppress(OSError), socket.create_server(("127.0.0.1", PREFERRED_PORT)):
        assert free_port() != PREFERRED_PORT
    assert free_port() > 0


def test_a_password_is_made_once() -> None:
    assert Flower.on_free_port("known").password == "known"
    made = {Flower.on_free_port().password for _ in range(5)}
    assert len(made) == 5
