"""Makes .venv and installs one requirement set into it: `python3 fleet/install.py SET [ARGS...]`.

ARGS, when given, are handed to .venv's python at the end (`-m fleet.run`). Needs the standard
library only, and parses on Pythons older than the one Voicemill needs so that it can say so.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parent.parent
TESTED = (3, 11)

# uv reads no pip.conf: what pip was told goes to uv under uv's own names. Not the extra indexes:
# of a version that several hold, uv takes the first one's files, where pip takes the best file of
# all; a wheel for any machine would win over the one for ours. What only they hold, pip installs.
PIP_TO_UV = {
    "find-links": "UV_FIND_LINKS",
    "index-url": "UV_DEFAULT_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}
BY_COMMA = {"UV_FIND_LINKS"}


class InstallError(Exception):
    """Nothing more can be tried: the message says what to do."""


def main(arguments: list[str]) -> int:
    os.environ.setdefault("VOICEMILL_STARTED", str(time.time()))
    chosen, then = arguments[0], arguments[1:]
    folder = ROOT / ".venv"
    try:
        install(folder, ROOT / "requirements" / f"{chosen}.txt")
    except InstallError as error:
        print(f"install: {error}", file=sys.stderr)
        return 1
    if then:
        python = str(folder / "bin" / "python")
        os.execv(python, [python, *then])  # noqa: S606 - the interpreter made above, no shell
    return 0


def install(folder: Path, requirements: Path) -> None:
    """Leave `folder` with all that `requirements` names; does nothing where that is so already."""
    stamp, wanted = folder / f".installed-{requirements.stem}", fingerprint(requirements)
    if is_current(stamp, wanted):
        return
    for line in platform_remarks(sys.version_info[:2], platform.system(), platform.machine()):
        print(f"install: {line}", flush=True)
    timed(f"python {folder.name}", lambda: make_environment(folder))
    timed(f"packages of {requirements.name}", lambda: add_packages(folder, requirements))
    stamp.write_text(wanted, encoding="utf-8")


def timed(step: str, work: Callable[[], None]) -> None:
    started = time.monotonic()
    work()
    print(f"install: {step}, {time.monotonic() - started:.1f} s", flush=True)


def fingerprint(requirements: Path) -> str:
    """Changes with any file of the set and with the Python that would install it."""
    digest = hashlib.sha256(f"{sys.version_info[0]}.{sys.version_info[1]}".encode())
    for path in (*requirement_files(requirements), *alone_files(requirements)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def requirement_files(path: Path) -> list[Path]:
    """The file and all that it includes by `-r`, in order, each once."""
    found = [path]
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            found += requirement_files(path.parent / line[3:].strip())
    return list(dict.fromkeys(found))


def alone_files(requirements: Path) -> list[Path]:
    """`SET.alone.txt` beside the set's files: packages that come without what they ask for."""
    beside = [path.with_suffix(".alone.txt") for path in requirement_files(requirements)]
    return [path for path in beside if path.exists()]


def is_current(stamp: Path, wanted: str) -> bool:
    return (
        (stamp.parent / "bin" / "python").exists()
        and stamp.exists()
        and stamp.read_text(encoding="utf-8") == wanted
    )


def platform_remarks(python: tuple[int, ...], system: str, machine: str) -> list[str]:
    """What is untried here. Raises where it cannot work at all."""
    tried = ".".join(map(str, TESTED))
    version = ".".join(map(str, python))
    if python < TESTED:
        raise InstallError(
            f"this is Python {version} and Voicemill needs {tried}: name it by PYTHON=python{tried}"
        )
    remarks = []
    if python != TESTED:
        remarks.append(
            f"Python {version} is untried, {tried} is what is tested (PYTHON=python{tried})"
        )
    if (system, machine) != ("Linux", "x86_64"):
        remarks.append(
            f"{system} {machine} is untried, Linux x86_64 is what is tested: "
            "if a wheel is missing, use such a machine"
        )
    return remarks


def make_environment(folder: Path) -> None:
    """A virtual environment of this Python; one that is sound is kept, with what it holds."""
    if not is_sound(folder):
        venv.create(folder, with_pip=False, symlinks=True, clear=folder.exists())


def is_sound(folder: Path) -> bool:
    probe = "import sys; print(*sys.version_info[:2])"
    python = folder / "bin" / "python"
    if not python.exists():
        return False
    answer = run([str(python), "-c", probe])
    return answer.stdout.split() == [str(part) for part in sys.version_info[:2]]


def add_packages(folder: Path, requirements: Path) -> None:
    """The set, then what comes after it alone."""
    add_file(folder, requirements)
    for path in alone_files(requirements):
        add_file(folder, path, "--no-deps")


def add_file(folder: Path, requirements: Path, *how: str) -> None:
    """With uv where it can be had, in seconds; else with pip, which takes half a minute."""
    wanted = [*how, "-r", str(requirements)]
    uv = find_uv(folder)
    if uv is not None:
        done = run(
            [uv, "pip", "install", "--python", f"{folder}/bin/python", *wanted],
            environment=uv_environment(pip_settings(), os.environ),
        )
        if done.returncode == 0:
            return
        print(f"install: uv failed, trying pip instead: {last_line(done.stderr)}", flush=True)
    done = run([*pip_command(folder), "install", "--no-compile", "--quiet", *wanted])
    if done.returncode:
        raise InstallError(
            f"{done.stderr.strip()}\npip could not install {requirements.name}: check the network "
            "and pip's settings (`pip config list`), then start again"
        )


def find_uv(folder: Path) -> str | None:
    """uv from the PATH or the environment; else fetched by pip, never into this Python itself."""
    own = folder / "uv" / "bin" / "uv"
    for place in (shutil.which("uv"), folder / "bin" / "uv", own):
        if place and os.access(place, os.X_OK):
            return str(place)
    if importlib.util.find_spec("pip") is None:
        return None
    target = ["--no-deps", "--no-compile", "--quiet", "--target", str(folder / "uv")]
    run([sys.executable, "-m", "pip", "install", *target, "uv"])
    return str(own) if own.exists() else None


def pip_command(folder: Path) -> list[str]:
    """This Python's pip, working on the environment; or the environment's own, made for it."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "--python", f"{folder}/bin/python"]
    inside = f"{folder}/bin/python"
    if run([inside, "-m", "ensurepip"]).returncode:
        raise InstallError(
            "neither uv nor pip was found: install uv, or your system's python3-pip or python3-venv"
        )
    return [inside, "-m", "pip"]


def pip_settings() -> dict[str, str]:
    """What pip would use, by option. Of files nothing is known where there is no pip to ask."""
    listing = run([sys.executable, "-m", "pip", "config", "list"]).stdout
    return {**parse_pip_config(listing), **pip_variables(os.environ)}


def parse_pip_config(listing: str) -> dict[str, str]:
    """`pip config list` by option: what stands under [install] wins over [global]."""
    found: dict[str, dict[str, str]] = {"global": {}, "install": {}}
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        section, _, option = key.rpartition(".")
        if section in found and value:
            found[section][option] = str(ast.literal_eval(value))
    return {**found["global"], **found["install"]}


def pip_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """pip's own variables by option: PIP_INDEX_URL is `index-url`."""
    own = {name: value for name, value in environment.items() if name.startswith("PIP_")}
    return {name[4:].lower().replace("_", "-"): value for name, value in own.items()}


def uv_environment(settings: dict[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for uv: pip's settings under uv's names; what was set for uv itself stays."""
    given = dict(environment)
    for option, name in PIP_TO_UV.items():
        if settings.get(option):
            joint = "," if name in BY_COMMA else " "
            given.setdefault(name, joint.join(settings[option].split()))
    return given


def run(
    command: list[str], environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no word why"])[-1].strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
