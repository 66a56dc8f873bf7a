"""How a training goes: what its data set is like, and a curve of its losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from jobs.models import Event, Job
from voices.models import Artifact, Loss, Making

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from voices.models import Voice

TRAIN, PROGRESS = "train", "job.progress"
LEFT, ANEW = "seconds_left", "begun_anew"  # words of a progress

WORDS = """
    UPDATE jobs_job
       SET plan = (SELECT jsonb_agg(way #- '{binding,heard}')
                     FROM jsonb_array_elements(plan) AS way)
     WHERE id = %s AND kind = 'train'"""


@dataclass(frozen=True, slots=True)
class Training:
    """The latest of a voice: its job, its data set, and how wrong it was at each step noted."""

    job: Job
    engine: str
    steps: int
    told: Mapping[str, Any]  # its last word: step, seconds left
    dataset: Mapping[str, Any] | None
    losses: Sequence[Loss]
    previews: Sequence[Mapping[str, str]]  # texts that it spoke, each with its job

    @property
    def step(self) -> int:
        """The last one told, or where it goes on from; at the end the last of its curve."""
        begun = (self.job.checkpoint or {}).get("step", 0)
        told = int(self.told.get("step", begun))
        noted = self.losses[-1].step if self.losses and self.job.ended_at else 0
        return max(told, noted)


def note_dataset(job_id: UUID, report: Mapping[str, Any]) -> None:
    Making.objects.filter(job_id=job_id).update(about=report)


@transaction.atomic
def note_losses(job_id: UUID, step: int, losses: Mapping[str, float]) -> None:
    """A step that is done again after a crash is told anew. Nothing where the voice was erased."""
    if Making.objects.select_for_update(no_key=True).filter(job_id=job_id).first():
        Loss.objects.update_or_create(making_id=job_id, step=step, defaults={"losses": losses})


def forget_words(job_id: UUID) -> None:
    """It has ended: what was said in its recordings is kept with these, or not at all."""
    with connection.cursor() as cursor:
        cursor.execute(WORDS, [job_id])


def forget_losses(job_id: UUID) -> None:
    """It begins anew."""
    Loss.objects.filter(making_id=job_id).delete()


def hand_on_losses(before: UUID, after: UUID, step: int) -> None:
    """Another job goes on from this step: the curve up to there is that one's."""
    Loss.objects.filter(making_id=before, step__lte=step).update(making_id=after)


def training_of(voice: Voice) -> Training | None:
    making = voice.makings.filter(kind=TRAIN).first()
    if making is None:
        return None
    job = Job.objects.defer("plan").get(id=making.job_id)  # it has all that is said
    steps = int(job.request.get("steps", 0))
    return Training(
        job,
        making.engine,
        steps,
        _last_word(job),
        making.about,
        list(making.losses.all()),
        _previews(making),
    )


def _previews(making: Making) -> Sequence[Mapping[str, str]]:
    about = Artifact.objects.filter(making=making).values_list("about", flat=True).first()
    previews: Sequence[Mapping[str, str]] = (about or {}).get("previews", ())
    return previews


def _last_word(job: Job) -> Mapping[str, Any]:
    """A checkpoint's word has no time left: that of the word before it counts."""
    said = Event.objects.filter(job=job, name=PROGRESS).order_by("-number")
    last, before = [*said.values_list("data", flat=True)[:2], {}, {}][:2]
    return last if ANEW in last else {LEFT: before.get(LEFT), **last}
