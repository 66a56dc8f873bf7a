"""`make say`: one sentence through the running fleet, or through one of its own."""

import os
import sys
import time
import wave
from contextlib import suppress
from pathlib import Path

from fleet.client import Client, Job, speak
from fleet.errors import FleetError
from fleet.home import Embedded, Home
from fleet.run import Fleet, raise_file_limit, tell

FORMATS = {".wav", ".flac", ".mp3", ".opus"}
START_SECONDS = 120.0


class Progress:
    """One line that is rewritten on a terminal; elsewhere a line for each new state."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.last_state = ""
        self.on_terminal = sys.stdout.isatty()

    def __call__(self, job: Job) -> None:
        line = (
            f"{job['state']}{percent(job.get('progress'))} {time.monotonic() - self.started:.1f} s"
        )
        if self.on_terminal:
            print(f"\r{line:<40}", end="", flush=True)
        elif job["state"] != self.last_state:
            tell(line)
        self.last_state = str(job["state"])

    def close(self) -> None:
        if self.on_terminal and self.last_state:
            print()


def percent(progress: object) -> str:
    """A job's progress, 0 to 1, as people read it; nothing where a job tells none."""
    return f" {progress:.0%}" if isinstance(progress, int | float) else ""


def say(embedded: Embedded, text: str, voice: str | None, out: Path, patience: float = 5.0) -> int:
    """Have it spoken, and print what came out."""
    progress, client = Progress(), Client(embedded.url, embedded.api_key)
    try:
        speak(client, text, out, voice=voice, on_change=progress, patience=patience)
    finally:
        progress.close()
    took = time.monotonic() - progress.started
    tell(f"{out}: {duration(out)}{out.stat().st_size:,} bytes, took {took:.2f} s")
    return 0


def duration(path: Path) -> str:
    """How long a wav file sounds; of other formats this module knows nothing."""
    with suppress(wave.Error, EOFError), wave.open(str(path)) as sound:
        return f"{sound.getnframes() / sound.getframerate():.2f} s of audio, "
    return ""


def running_fleet(home: Home, seconds: float = START_SECONDS) -> Embedded | None:
    """The fleet of this clone, waited for while it starts; None when none runs."""
    until = time.monotonic() + seconds
    while home.is_locked():
        embedded = home.read_embedded()
        if embedded and "api" in embedded.pids and Client(embedded.url, "").is_healthy():
            return embedded
        if time.monotonic() > until:
            raise FleetError("not_ready", f"the running fleet does not answer: see {home.logs}")
        time.sleep(0.2)
    return None


def asked() -> tuple[str, str | None, Path]:
    """Text, voice and file from the environment, which no shell quoting can spoil."""
    text = os.environ.get("TEXT", "")
    if not text.strip():
        raise FleetError(
            "no_text", 'nothing to say: make say TEXT="..." [VOICE=...] [OUT=file.wav]'
        )
    out = Path(os.environ.get("OUT") or "var/say.wav")
    if out.suffix.lower() not in FORMATS:
        raise FleetError("bad_format", f"{out}: a file ends in one of {', '.join(sorted(FORMATS))}")
    if not out.parent.is_dir():
        raise FleetError("no_folder", f"{out}: there is no folder {out.parent}")
    return text, os.environ.get("VOICE") or None, out


def perform(home: Home) -> int:
    text, voice, out = asked()
    running = running_fleet(home)
    if running:
        return say(running, text, voice, out)
    tell("no `make run` in this clone: starting a fleet for this sentence")

    def work(fleet: Fleet) -> int:
        assert fleet.embedded is not None  # noqa: S101 - bootstrap has run by now
        return say(fleet.embedded, text, voice, out, patience=60.0)

    return Fleet(home).run(work)


def main() -> int:
    raise_file_limit()
    try:
        return perform(Home())
    except FleetError as error:
        print(f"say: {error} [{error.code}]", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
