"""Flower beside the embedded fleet: workers and queues in a browser, behind a password."""

import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fleet.program import Program

PREFERRED_PORT = 5555
MODULE = ("-m", "celery", "-A", "config", "flower")
POLITELY = ("nice", "-n", "10")  # while all start at once, the first sentence goes first

# It reads the Celery app's settings and uses the broker: it is given no way to anything else.
# Events for each step of each task make a job a quarter dearer (docs/deployment.md): they are off.
ENVIRONMENT = {
    "WEB": "off",
    "DATABASE_URL": "postgresql:///not-for-flower",
    "SECRET_KEY": "not-for-flower",
    "FLOWER_READ_ONLY": "true",
    "FLOWER_ENABLE_EVENTS": "false",
    "FLOWER_UNAUTHENTICATED_API": "false",
}


@dataclass(frozen=True)
class Flower:
    """Where it will be, and the way in. Its password goes by its environment, which is private."""

    port: int
    password: str
    user: str = "flower"

    @classmethod
    def on_free_port(cls, password: str = "") -> "Flower":
        """On 5555 if that is free, else on any; with the password of last time if there is one."""
        return cls(free_port(), password or secrets.token_urlsafe(12))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def program(self, root: Path, environment: Mapping[str, str]) -> Program:
        """Nobody waits for it: the fleet speaks without."""
        where = ("--address=127.0.0.1", f"--port={self.port}")
        entry = {"FLOWER_BASIC_AUTH": f"{self.user}:{self.password}"}
        settings = {**environment, **ENVIRONMENT, **entry}
        command = (*POLITELY, sys.executable, *MODULE, *where)
        return Program("flower", command, settings, root)


def free_port() -> int:
    try:
        return _port_of(PREFERRED_PORT)
    except OSError:
        return _port_of(0)


def _port_of(wanted: int) -> int:
    with socket.create_server(("127.0.0.1", wanted)) as listener:
        port: int = listener.getsockname()[1]
    return port
