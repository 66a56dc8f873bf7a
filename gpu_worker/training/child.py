"""A training child as its worker has it: started, listened to, watched, stopped, killed."""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from gpu_worker.training.telling import DiskFull, TrainingFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Event = Mapping[str, Any]

ROOT = Path(__file__).parents[2]
PULSE = 0.5
WATCH_EACH = 1.0
TO_LEAVE = 15.0  # seconds between the last word and the end
LONGEST_LOG = 2**19  # bytes, twice: the one that is written and the one before
SHOWN = 4000  # of the log's end, where a child dies
ENDS = frozenset({"done", "failed", "stopped"})
PR_SET_PDEATHSIG = 1
PAGE = os.sysconf("SC_PAGE_SIZE")

# No secrets and no settings; what says where a card and its libraries are.
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
OWN = {"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", "ORT_DISABLE_TELEMETRY": "1"}

log = logging.getLogger(__name__)
_libc = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a training may take: memory of the child and all it starts, time, and its folder."""

    memory: int
    seconds: float
    disk: int


class Child:
    """One training. Leaving it as a context ends it; so does the death of who started it."""

    def __init__(self, command: Sequence[str], task: Path, limits: Limits) -> None:
        self._work = Path(json.loads(task.read_bytes())["work"])
        self._limits = limits
        self._home = self._work / "home"
        self._log = _Log(task.with_name("stderr.log"))
        self._heard: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._died_of: TrainingFailed | None = None
        self._over = threading.Event()
        self._clear_home()
        self._home.mkdir()
        self._process = _launch([*command, str(task)], self._home)
        self._threads = [
            threading.Thread(target=target, daemon=True)
            for target in (self._listen, self._keep_log, self._watch)
        ]
        for thread in self._threads:
            thread.start()

    def events(self) -> Iterator[Event | None]:
        """What it tells, and None at least twice a second, until it has ended.

        Raises TrainingFailed where it was ended, or died without a last word.
        """
        last = None
        while (event := self._next()) != {}:
            last = event or last
            yield event
            if event and event["event"] in ENDS:
                self._leave()
                return
        self._end()
        raise self._died_of or self._crash(last)

    def stop(self) -> None:
        """It writes a checkpoint, tells it, and says that it has stopped."""
        if self._process.returncode is None:
            os.kill(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """It and all that it has started. Its number is its own until it is waited for."""
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _next(self) -> Event | None:
        """An event, None for a pulse, and an empty one when there will be no more."""
        try:
            return self._heard.get(timeout=PULSE) or {}
        except queue.Empty:
            if _is_dead(self._process.pid):  # one that it left behind may still hold the pipe
                self.kill()
            return None

    def _leave(self) -> None:
        until = time.monotonic() + TO_LEAVE
        while not _is_dead(self._process.pid) and time.monotonic() < until:
            time.sleep(PULSE / 10)
        self._end()

    def _end(self) -> None:
        self._over.set()
        self.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join(TO_LEAVE)
        self._clear_home()

    def _clear_home(self) -> None:
        shutil.rmtree(self._home, ignore_errors=True)

    def _crash(self, last: Event | None) -> TrainingFailed:
        code = self._process.returncode
        log.error("a training ended with %s after %s: %s", code, last, self._log.tail(SHOWN))
        return TrainingFailed(
            "The training program ended without a word. Asked for again with the same recordings"
            " and steps, the training goes on from its last checkpoint.",
            code="training_crashed",
            permanent=False,
        )

    def _listen(self) -> None:
        assert self._process.stdout  # noqa: S101 - it was asked for
        with self._process.stdout as lines:
            for line in lines:
                if event := _read(line):
                    self._heard.put(event)
        self._heard.put(None)

    def _keep_log(self) -> None:
        assert self._process.stderr  # noqa: S101 - it was asked for
        with self._process.stderr as stream, self._log:
            while data := stream.read1(2**16):  # type: ignore[attr-defined]
                self._log.write(data)

    def _watch(self) -> None:
        """Apart from whoever listens: a checkpoint may be on its way to the store for minutes."""
        started = time.monotonic()
        while not self._over.wait(WATCH_EACH):
            self._died_of = self._excess(time.monotonic() - started)
            if self._died_of:
                self.kill()
                return

    def _excess(self, seconds: float) -> TrainingFailed | None:
        if _memory_of(self._process.pid) > self._limits.memory:
            return TrainingFailed(
                "The training needs more memory than its worker may use. Use a smaller batch, or"
                " ask the operator for more.",
                code="training_no_memory",
            )
        if seconds > self._limits.seconds:
            return TrainingFailed(
                "The training took longer than a training may. Asked for again with the same"
                " recordings and steps, it goes on from its last checkpoint; or ask for fewer"
                " steps.",
                code="training_too_long",
            )
        return DiskFull() if _bytes_below(self._work) > self._limits.disk else None


class _Log:
    """A file that never grows: when it is full it becomes the one before."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._before = file.with_name(file.name + ".1")
        self._before.unlink(missing_ok=True)
        self._stream = file.open("wb", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def write(self, data: bytes) -> None:
        """A full disk is no reason to stop reading: the child would wait for ever."""
        with contextlib.suppress(OSError):
            if self._stream.tell() + len(data) > LONGEST_LOG:
                self._stream.close()
                self._file.replace(self._before)
                self._stream = self._file.open("wb", buffering=0)
            self._stream.write(data)

    def tail(self, most: int) -> str:
        files = [file for file in (self._before, self._file) if file.exists()]
        return b"".join(file.read_bytes() for file in files)[-most:].decode(errors="replace")


def _launch(command: Sequence[str], home: Path) -> subprocess.Popen[bytes]:
    """In a session of its own, and dead when whoever starts it is."""
    parent = os.getpid()

    def follow_parent() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=home,
        env=_environment(home),
        start_new_session=True,
        preexec_fn=follow_parent,  # noqa: PLW1509 - prctl has no other way in; two plain system calls
    )


def _environment(home: Path) -> dict[str, str]:
    """Libraries that look for a place to write find one that is removed; none tells its maker."""
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**passed, **OWN, "HOME": str(home), "TMPDIR": str(home)}


def _read(line: bytes) -> Event | None:
    with contextlib.suppress(ValueError):
        event = json.loads(line)
        if isinstance(event, dict) and "event" in event:
            return event
    log.warning("a training said what is no event: %.200r", line)
    return None


def _is_dead(number: int) -> bool:
    """Without taking its number from it."""
    try:
        return bool(os.waitid(os.P_PID, number, os.WEXITED | os.WNOHANG | os.WNOWAIT))
    except ChildProcessError:
        return True


def _memory_of(group: int) -> int:
    """Of every process of the group, as the kernel counts what lies in memory."""
    total = 0
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):  # it has just ended
                state = (process / "stat").read_text().rpartition(")")[2].split()
                total += int(state[21]) * PAGE if int(state[2]) == group else 0
    return total


def _bytes_below(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # a file that has just been removed
                total += (Path(place) / name).lstat().st_size
    return total
