"""Voicemill's API and admin in a process of their own, and a Chromium to look at them."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import sync_playwright

from fleet.home import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from playwright.sync_api import Browser

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
STARTS_WITHIN = 90.0  # seconds


def find_chromium() -> str | None:
    return next((found for name in CHROMIUMS if (found := shutil.which(name))), None)


@contextmanager
def chromium(program: str, flags: Sequence[str] = ()) -> Iterator[Browser]:
    """Until it is left this thread is Playwright's loop, on which Django's ORM refuses to work."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS, *flags])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def serving(environment: Mapping[str, str], log: Path) -> Iterator[str]:
    """The whole ASGI application on a free port: its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("ab") as output:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        handed = ("--fd", str(listener.fileno()), "--log-level", "warning")
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "config.asgi:app", *handed],
            cwd=ROOT,
            env={**environment, "PUBLIC_URL": address},
            pass_fds=(listener.fileno(),),
            stdout=output,
            stderr=output,
        )
        try:
            wait_until_up(address, process, log)
            yield address
        finally:
            process.terminate()
            process.wait(10)


def wait_until_up(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while process.poll() is None and time.monotonic() < until:
        with suppress(URLError, OSError), urlopen(f"{address}/healthz", timeout=1):  # noqa: S310 - our own
            return
        time.sleep(0.05)
    raise AssertionError(f"no answer at {address}:\n{log.read_text(errors='replace')[-2000:]}")
