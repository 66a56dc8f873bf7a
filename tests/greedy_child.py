"""A child that tries what a hostile file might make the probe's child try, and says how it went."""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import sys
import time
from pathlib import Path

from synthesis_worker.probing.sandbox import give_up_powers, open_nothing_more
from synthesis_worker.probing.verdict import Limits

SMALL = Limits(seconds=1, cpu_seconds=1, address_space=2**28)


class Piece(ctypes.Structure):
    """Of a process's memory."""

    _fields_ = (("start", ctypes.c_void_p), ("size", ctypes.c_size_t))


def main(wish: str) -> None:
    give_up_powers(SMALL)
    globals()[f"_{wish}"]()


def _say(*words: object) -> None:
    print(*words, flush=True)


def _environment() -> None:
    _say(*sorted(os.environ))


def _memory() -> None:
    try:
        bytearray(2**30)
    except MemoryError:
        _say("refused")


def _processor() -> None:
    while True:
        pass


def _disk() -> None:
    with Path("big").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(2**16))
        except OSError:
            _say(file.tell())


def _doors() -> None:
    open_nothing_more()
    for name, way in (("file", Path(__file__).read_bytes), ("socket", socket.socket)):
        try:
            way()
        except OSError:
            _say(name, "refused")


def _parent() -> None:
    """Reads the beginning of its memory, and asks whether it may be sent signals."""
    parent = os.getppid()
    start = int(Path(f"/proc/{parent}/maps").read_text(encoding="utf-8").split("-")[0], 16)
    taken = ctypes.create_string_buffer(4)
    here, there = Piece(ctypes.addressof(taken), 4), Piece(start, 4)
    read = ctypes.CDLL(None).process_vm_readv(
        parent, ctypes.byref(here), 1, ctypes.byref(there), 1, 0
    )
    _say("memory", "refused" if read < 0 else taken.raw)
    try:
        os.kill(parent, 0)
    except OSError:
        _say("signal refused")


def _powers() -> None:
    """Takes back what it gave up."""
    open_nothing_more()
    for which in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE):
        try:
            resource.setrlimit(which, (2**30, 2**30))
        except (OSError, ValueError):
            _say("refused")
    _say("root" if os.geteuid() == 0 else "nobody")


def _grandchild() -> None:
    """Only root may still start one; it must not outlive us."""
    child = os.fork()
    if child:
        _say(child)
    time.sleep(600)


def _sleep() -> None:
    time.sleep(600)


def _talk() -> None:
    while True:
        _say("x" * 1000)


if __name__ == "__main__":
    main(sys.argv[1])
