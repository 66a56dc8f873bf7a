"""APIs beside the store they serve audio from, and jobs whose audio lies there."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.services.accept import NewJob, Step
from jobs.services.claims import Charge
from jobs.services.hits import DoneJob, record_done_jobs
from tests import s3
from tests.environment import child_environment
from tests.live import Server, live_server
from tests.speech import JOBS
from voices.requests import FORMATS
from voices.store import AudioStore, audio_name
from voices.store.s3 import MinioStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tenants.models import Tenant

DATA = bytes(range(256)) * 2_500  # more than two pieces of a stream
SHA256 = hashlib.sha256(DATA).hexdigest()


@dataclass(frozen=True, slots=True)
class Place:
    """An API, and the store behind it."""

    server: Server
    store: AudioStore
    storage: s3.S3Server | None = None


@contextmanager
def s3_place(folder: Path) -> Iterator[Place]:
    """An API on the tests' database whose audio lies in an S3 of its own."""
    with s3.serve_s3(folder) as storage:
        environment = child_environment(**s3_settings(storage))
        keys = (storage.endpoint, s3.ACCESS_KEY, s3.SECRET_KEY, s3.BUCKET)
        with live_server(folder, environment) as running:
            yield Place(running, MinioStore(*keys, region=s3.REGION), storage)


def s3_settings(storage: s3.S3Server) -> dict[str, str]:
    return {
        "S3_ENDPOINT": storage.endpoint,
        "S3_ACCESS_KEY": s3.ACCESS_KEY,
        "S3_SECRET_KEY": s3.SECRET_KEY,
        "S3_BUCKET": s3.BUCKET,
        "S3_REGION": s3.REGION,
    }


def audio_at(
    place: Place, tenant: Tenant, *, voice: str = "tester", kind: str = "wav", data: bytes = DATA
) -> str:
    """The address of a job's audio that is in the store."""
    sha256 = hashlib.sha256(data).hexdigest()
    place.store.put(audio_name(tenant.id, sha256, kind), data, media_type=FORMATS[kind])
    job_id = done_job(tenant, voice=voice, format=kind, sha256=sha256, bytes=len(data))
    return f"{JOBS}/{job_id}/audio"


def done_job(tenant: Tenant, **result: Any) -> str:
    """A job that succeeded, with this said of its audio."""
    job = NewJob(tenant_id=tenant.id, kind="synthesize", plan=[Step("echo", "cpu")])
    facts = {"sha256": SHA256, "format": "wav", "bytes": len(DATA), "voice": "tester"}
    return str(record_done_jobs([DoneJob(job, facts | result, Charge())])[0].id)
