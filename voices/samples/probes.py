"""The probe of a sample as the ledger sees it: begun, ended with a verdict, or ended without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction

from jobs.selectors import live_job_ids
from jobs.services.accept import NewJob, Step, submit_jobs
from jobs.services.claims import finish_job
from jobs.states import Priority
from voices.models import Sample
from voices.owning.removals import ask_removal
from voices.samples.errors import SampleGoneError
from voices.store import upload_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.services.claims import ClaimedJob
    from voices.models import Voice

PROBE = "probe"
PROBE_COST = 2.0

UNHEARD = {
    "reasons": [
        {
            "code": "not_examined",
            "message": "This recording could not be examined; its job says why.",
            "tip": "Upload the same file again. If that fails too, export it as WAV and send that.",
            "sure": True,
        }
    ]
}


@dataclass(frozen=True, slots=True)
class Heard:
    """What a probe found. Without a hash there was nothing to keep."""

    verdict: Mapping[str, Any]
    sha256: str = ""
    bytes: int = 0

    @property
    def seconds(self) -> float:
        return float((self.verdict["measures"] or {}).get("seconds", 0.0))


def begin_probes(samples: Sequence[Sample]) -> None:
    """Have them examined, in the transaction that adds them."""
    jobs = [_probe_of(sample) for sample in samples]
    for sample, job in zip(samples, jobs, strict=True):
        sample.job_id, sample.state, sample.verdict = job.id, Sample.State.PROBING, {}
    Sample.objects.bulk_update(samples, ["job_id", "state", "verdict"])
    submit_jobs(jobs)


def _probe_of(sample: Sample) -> NewJob:
    """Somebody waits for the verdict, so it goes before the tenant's other jobs."""
    return NewJob(
        tenant_id=sample.tenant_id,
        kind=PROBE,
        plan=[Step(PROBE, "media")],
        request={"sample": str(sample.id), "voice": str(sample.voice_id)},
        priority=Priority.INTERACTIVE,
        cost=PROBE_COST,
    )


def upload_of(job: ClaimedJob) -> str:
    """What is to be examined, as the store names it."""
    mine = Sample.objects.filter(id=job.request["sample"], tenant_id=job.tenant_id)
    original = mine.values_list("original", flat=True).first()
    if original is None:
        raise SampleGoneError
    return upload_name(job.tenant_id, original)


@transaction.atomic
def finish_probe(job: ClaimedJob, heard: Heard) -> bool:
    """Verdict, result and event in one transaction; none of it without the lease."""
    told = Sample.objects.filter(id=job.request["sample"], tenant_id=job.tenant_id).update(
        state=heard.verdict["verdict"],
        sha256=heard.sha256,
        seconds=heard.seconds,
        verdict={**heard.verdict, "bytes": heard.bytes},
        original_kept=settings.KEEP_ORIGINALS,
    )
    if not told:
        raise SampleGoneError
    if not settings.KEEP_ORIGINALS:
        ask_removal([upload_of(job)])
    if finish_job(job, result=_result(job, heard), charge=None):
        return True
    transaction.set_rollback(True)
    return False


def _result(job: ClaimedJob, heard: Heard) -> dict[str, Any]:
    return {
        "sample": job.request["sample"],
        "verdict": heard.verdict["verdict"],
        "seconds": round(heard.seconds, 3),
        "reasons": [reason["code"] for reason in heard.verdict["reasons"]],
    }


def is_unheard(sample: Sample) -> bool:
    """Rejected because its probe came to no verdict: the same file may try again."""
    return sample.state == Sample.State.REJECTED and "verdict" not in sample.verdict


def settle_probes(voice: Voice) -> None:
    """Reject the samples whose probe was cancelled, or failed for good: none is probed for ever.

    A verdict and the end of its job are one commit, so a sample that is seen without the one and
    whose job is found to have ended either gets no verdict any more or is not changed here.
    """
    probing = voice.samples.filter(state=Sample.State.PROBING)
    jobs = dict(probing.values_list("id", "job_id"))
    live = live_job_ids(job_id for job_id in jobs.values() if job_id) if jobs else set()
    for sample_id, job_id in jobs.items():
        if job_id not in live:
            probing.filter(id=sample_id, job_id=job_id).update(
                state=Sample.State.REJECTED, verdict=UNHEARD
            )
