"""What a spoken job leaves behind: bytes in the ledger, in its log, and in the audio store.

`python -m tests.bench.sizing [JOBS]`: a fleet of its own speaks sentences nobody asked for before.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import tests.environment  # noqa: F401 - settings for the processes of the fleet
from fleet.services import OWNER
from tests.live import own_stack, wait_until

if TYPE_CHECKING:
    from tests.live import Stack

BULK = "/api/v1/jobs/bulk"
TEXT = "Number {}: your parcel has arrived, and it waits for you at the counter until eight."
FORMATS = ("wav", "mp3", "opus")
TABLES = ("jobs_job", "jobs_event", "jobs_usage", "voices_render", "voices_variant")
LOG = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"
LIVE = "SELECT count(*) FROM jobs_job WHERE ended_at IS NULL"
SECONDS = "SELECT coalesce(sum(audio_seconds), 0) FROM jobs_usage"


def main(jobs: int = 300) -> None:
    with tempfile.TemporaryDirectory(prefix="vmz-") as folder, own_stack(Path(folder)) as stack:
        for audio_format in FORMATS:
            before = taken(stack, Path(folder))
            speak(stack, audio_format, jobs)
            grown = taken(stack, Path(folder)) - before
            tell(audio_format, grown, jobs)


def speak(stack: Stack, audio_format: str, jobs: int) -> None:
    texts = [TEXT.format(uuid4().hex[:8]) for _ in range(jobs)]
    items = [{"text": text, "format": audio_format} for text in texts]
    with stack.client(seconds=120) as client:
        client.post(BULK, json={"items": items}).raise_for_status()
    wait_until(lambda: not int(stack.services.postgres.query(LIVE, OWNER)), seconds=1_200)


def taken(stack: Stack, folder: Path) -> Counter[str]:
    """Bytes by table and by kind of file, and seconds of audio."""

    def ask(statement: str) -> int:
        return round(float(stack.services.postgres.query(statement, OWNER)))

    found = Counter({name: ask(f"SELECT pg_total_relation_size('{name}')") for name in TABLES})
    found |= {"log": ask(LOG), "seconds": ask(SECONDS)}
    for path in (folder / "audio").rglob("*.*"):
        found[f"audio {path.suffix}"] += path.stat().st_size
    return found


def tell(audio_format: str, grown: Counter[str], jobs: int) -> None:
    seconds = grown.pop("seconds")
    print(f"{audio_format}: {seconds / jobs:.2f} s of audio a job")
    for name, size in grown.items():
        a_second = f", {size / seconds:,.0f} a second" if name.startswith("audio") else ""
        print(f"  {name}: {size / jobs:,.0f} bytes a job{a_second}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
