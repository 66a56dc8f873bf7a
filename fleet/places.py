"""Where things are on this machine: packages, the services' account, their sockets' folder."""

import hashlib
import importlib.util
import os
import pwd
import stat
from pathlib import Path

from fleet.errors import FleetError
from fleet.program import Account

LONGEST_SOCKET = 107
SOCKET_NAME = ".s.PGSQL.5432"


def package_folder(name: str) -> Path:
    """A package's folder, without importing it: importing may change permissions and users."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise FleetError("not_installed", f"{name} is not installed: run fleet/install.py embedded")
    return Path(spec.submodule_search_locations[0])


def service_account() -> Account | None:
    """PostgreSQL refuses to run as root: then it is `nobody`; else ourselves, None."""
    if os.getuid() == 0:
        entry = pwd.getpwnam("nobody")
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        raise FleetError(
            "no_user_name",
            f"user id {os.getuid()} has no name in /etc/passwd and PostgreSQL needs one: "
            "add an entry or start as another user",
        ) from None
    return None


def socket_folder(root: Path) -> Path:
    """A short name that is this user's and this clone's: a socket's path ends at 107 bytes."""
    digest = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:8]
    return runtime_folder() / f"vm-{os.getuid()}-{digest}"


def runtime_folder() -> Path:
    """XDG_RUNTIME_DIR where it serves; root's is closed to the account its PostgreSQL runs as."""
    given = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")  # noqa: S108 - made 0700, owner checked
    short = (
        len(os.fsencode(given)) + len(f"/vm-{os.getuid()}-12345678/{SOCKET_NAME}") <= LONGEST_SOCKET
    )
    if os.getuid() != 0 and short and given.is_dir() and os.access(given, os.W_OK):
        return given
    return Path("/tmp")  # noqa: S108 - as above


def open_socket_folder(folder: Path, account: Account | None) -> None:
    """Make it for the account alone. Raises when somebody else put something there first."""
    folder.mkdir(mode=0o700, exist_ok=True)
    wanted = account.uid if account else os.getuid()
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {wanted, os.getuid()}:
        raise FleetError("socket_folder", f"{folder} is not ours: remove it, then start again")
    if account:
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    if stat.S_IMODE(found.st_mode) != 0o700:  # noqa: PLR2004 - a mode reads best as itself
        raise FleetError(
            "socket_folder", f"{folder} is open to others: remove it, then start again"
        )
