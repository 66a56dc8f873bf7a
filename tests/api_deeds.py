"""A request for every operation of the API that does something, and the rows that it does it to."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.functions import Now

from jobs.models import Job
from jobs.services.workers import ensure_queues
from jobs.webhooks.models import Delivery
from personalities.exchange import FORMAT_VERSION, KIND
from personalities.models import Personality
from personalities.services import create_personality
from tenants.audit import PLATFORM
from tenants.models import Tenant
from tests.conftest import make_caller
from tests.openapi import operations
from tests.own import TEXT_VERSION, agree
from tests.recordings import heard, recording
from tests.sample_place import failed, make_workers, submit
from tests.speech import make_voice, offer_engines
from tests.trainings import offer_trainer
from tests.worlds import make_world
from voices.models import Sample, Voice
from voices.owning.drafting import change_settings
from voices.owning.greeting import submit_sample
from voices.owning.publishing import publish_draft

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.test import Client

    from tests.openapi import Operation
    from tests.worlds import World

Ids = dict[str, str]

NAME = "Ownwares"
TEXT = {"text": "Hello.", "voice": NAME.lower()}
PERSONALITY = {"name": "New", "description": "Another."}
WEBHOOK = {"url": "https://1.1.1.1/new"}
FILE = {"kind": KIND, "format_version": FORMAT_VERSION, "personality": PERSONALITY}
SENDS: dict[str, Any] = {
    "synthesize": TEXT,
    "synthesize_bulk": {"items": [TEXT]},
    "generate": {"text": "Hello."},
    "audition_voice": {"text": "Hello.", "revision": "published"},
    "create_personality": PERSONALITY,
    "replace_personality": PERSONALITY,
    "change_personality": PERSONALITY,
    "import_personality": FILE,
    "create_voice": {"slug": "new", "name": "New", "language": "en-GB"},
    "change_voice": {"description": "Another."},
    "change_voice_settings": {"speed": 1.2},
    "give_consent": {"speaker": "Ada", "text_version": TEXT_VERSION, "samples": "all"},
    "decide_sample": {"use": True},
    "configure_personality_voice": {"mode": "default"},
    "clone": {"voice": NAME.lower()},
    "train": {"voice": NAME.lower()},
    "train_personality_voice": {},
    "transcribe_sample": {"format": "txt", "text": "Hello."},
    "create_webhook": WEBHOOK,
    "change_webhook": WEBHOOK,
}
UPLOADS = {"upload_samples", "upload_personality_voice"}
# What asks for more than the rest of its operation: by the operation's id, then by its own name.
MORE: dict[str, dict[str, Any]] = {
    "configure_personality_voice": {"settings": {"settings": {"speed": 1.2}}},
    "hear_voice": {"new": None},
    "hear_personality": {"new": None},
}


@dataclass(frozen=True, slots=True)
class Deed:
    """A request that is to do something."""

    operation: Operation
    body: Any
    part: str = ""

    def __str__(self) -> str:
        return f"{self.operation}{self.part}"

    def done_by(self, client: Client, stage: Stage) -> Any:
        """A file is read once, so each request has its own."""
        ids, body = stage.ids_for(self), self.body
        if self.operation.id in UPLOADS:
            body = {"file": SimpleUploadedFile("take.wav", recording())}
        return self.operation.asked_by(client, ids, body)


def deeds() -> Iterator[Deed]:
    for one in operations():
        yield Deed(one, SENDS.get(one.id))
        for name, body in MORE.get(one.id, {}).items():
            yield Deed(one, body, f"#{name}")


class Stage:
    """A tenant that has all that can be asked for, each so that something can happen to it."""

    def __init__(self) -> None:
        make_workers()
        ensure_queues(["cpu", "media"])
        offer_engines("echo", "mimic")
        offer_trainer(train_seconds=(0.0, 60.0), transcribes=True)
        self.world = make_world(NAME)
        Tenant.objects.filter(id=self.world.tenant.id).update(custom_voices=9)
        self.ids = self.world.ids() | make_voice_complete(self.world.rows[Voice])
        self.others = jobs_and_samples(self.world) | unheard(self.world.tenant)
        personality = Personality.objects.filter(id=self.ids["personality"])
        personality.update(voice=self.world.rows[Voice])
        sent = Delivery.objects.filter(id=self.ids["delivery_id"])
        sent.update(state=Delivery.State.FAILED, ended_at=Now())

    def ids_for(self, deed: Deed) -> Mapping[str, str]:
        return self.ids | self.others.get(f"{deed.operation.id}{deed.part}", {})


def make_voice_complete(voice: Voice) -> Ids:
    """With a sample that a consent covers, a draft and two revisions; its sentence is asked for."""
    assert voice.tenant is not None
    sample = heard(voice)
    consent = agree(voice)
    turn(voice, speed=1.1)
    publish_draft(voice=voice, actor=PLATFORM, expected=None)
    turn(voice, speed=1.3)
    submit_sample(make_caller(voice.tenant), voice.slug)
    return {"sample_id": str(sample.id), "consent_id": str(consent.id)}


def turn(voice: Voice, **settings: float) -> None:
    change_settings(voice=voice, actor=PLATFORM, expected=None, settings=settings)


def jobs_and_samples(world: World) -> dict[str, Ids]:
    """By operation: what it takes another row for than the rest."""
    queued, batch = submit(world.tenant, "Later."), str(uuid.uuid4())
    Job.objects.filter(id=queued).update(batch_id=batch)
    warned = {"sample_id": str(heard(world.rows[Voice], state=Sample.State.WARNED).id)}
    return {
        "cancel_job": {"job_id": str(queued)},
        "cancel_batch": {"batch_id": batch},
        "retry_job": {"job_id": str(failed(world.tenant, "Never."))},
        "decide_sample": warned,
        "delete_sample": warned,
    }


def unheard(tenant: Tenant) -> dict[str, Ids]:
    """A voice whose sentence nobody has asked for, and who speaks with it."""
    voice = make_voice("quiet", tenant=tenant)
    fields = {"name": "Quiet", "voice": voice.slug}
    personality = create_personality(tenant_id=tenant.id, actor=PLATFORM, fields=fields)
    return {
        "hear_voice#new": {"reference": str(voice.id)},
        "hear_personality#new": {"personality": str(personality.id)},
    }
