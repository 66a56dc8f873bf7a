"""A tenant's voices in each of their states, and its people: for pictures."""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING

from jobs.answering import answer_bell
from jobs.services.claims import Failure, claim_job, fail_step
from jobs.services.progress import report_progress
from synthesis_worker.samples import examine
from tenants.audit import PLATFORM
from tenants.callers import find_caller
from tenants.people import add_person
from tenants.roles import Role
from tests.own import agree, own_voice
from tests.sound_files import coded_file, pcm_file, piece, speech
from tests.speech import offer_engines, speak
from tests.trainings import REPORT, ask_training, offer_trainer, said
from voices.owning.beginning import MakingRequest
from voices.owning.cloning import submit_clone
from voices.owning.drafting import change_settings
from voices.owning.learning import note_dataset, note_losses
from voices.samples.uploading import Upload, upload_samples

if TYPE_CHECKING:
    from jobs.services.claims import ClaimedJob
    from tenants.callers import Caller
    from tenants.models import Tenant
    from voices.models import Voice

ROOM = 9  # voices of its own
DIFFERENT = "The recordings differ too much from each other to be of one voice."


def add_people(tenant: Tenant) -> str:
    """One of each role; the owner's password."""
    roles = {"ann": Role.OWNER, "ed": Role.EDITOR, "vi": Role.VIEWER}
    added = {
        name: add_person(tenant=tenant, name=name, role=role, actor=PLATFORM)
        for name, role in roles.items()
    }
    return added["ann"].password


def add_voices(tenant: Tenant, token: str) -> dict[str, Voice]:
    """By what the page says of them."""
    tenant.custom_voices = ROOM
    tenant.save(update_fields=["custom_voices"])
    offer_engines("mimic")
    caller = find_caller(token)
    assert caller is not None
    kinds = {"new": "At the door", "training": "Evening shift", "failed": "On the phone"}
    voices = {
        kind: own_voice(tenant, f"voice-{kind}", name=name)
        for kind, name in (kinds | {"cloned": "In the shop", "draft": "On Sundays"}).items()
    }
    for kind in ("training", "failed", "cloned", "draft"):
        take_in(voices[kind], Upload("Morning reading.wav", pcm_file(piece(speech(), 14.0))))
        agree(voices[kind])
    report_progress(begun(voices["training"], caller), 0.4)
    refused = Failure("clone_failed", DIFFERENT, permanent=True)
    fail_step(begun(voices["failed"], caller), refused)
    for kind in ("cloned", "draft"):
        speak(asked(voices[kind], caller))
    turned = {"stability": 0.35, "speed": 1.2}
    change_settings(voice=voices["draft"], actor=PLATFORM, expected=None, settings=turned)
    return voices | {"learning": learning(tenant)}


def learning(tenant: Tenant) -> Voice:
    """It is being trained, and is half way through."""
    offer_trainer()
    voice = own_voice(tenant, "voice-learning", name="All year round")
    for number in (1, 2):
        take_in(voice, Upload(f"take {number}.wav", pcm_file(piece(speech(), 7.0 + number))))
    voice.samples.update(transcript=said())
    agree(voice)
    job = claim_job(ask_training(voice), worker="gpu-train@alpha")
    assert job is not None
    note_dataset(job.id, REPORT)
    for step in range(5, 1_001, 5):
        note_losses(job.id, step, {"mel": 20 + 60 * exp(-step / 300), "kl": 1 + exp(-step / 90)})
    told = {"step": 1_000, "steps": 2_000, "losses": {"mel": 22.1}, "seconds_left": 5_400.0}
    report_progress(job, 0.5, details=told)
    return voice


def asked(voice: Voice, caller: Caller) -> str:
    """The job that clones it."""
    return str(submit_clone(MakingRequest(caller=caller, voice=voice.slug)).id)


def begun(voice: Voice, caller: Caller) -> ClaimedJob:
    """A worker is at it."""
    claimed = claim_job(asked(voice, caller), worker="cpu@alpha")
    assert claimed is not None
    return claimed


def add_recordings(voice: Voice) -> None:
    """Two that are spoken and one that is none, as the probe finds them; and the consent."""
    spoken = speech("en-gb-x-rp+f2")
    take_in(
        voice,
        Upload("Morning reading.wav", pcm_file(piece(spoken, 14.0))),
        Upload("Recording 1.webm", coded_file(piece(spoken, 9.0), "webm", "libopus")),
        Upload("Notes from the studio.wav", b"Tuesday: bring the other microphone.\n"),
    )
    agree(voice)


def take_in(voice: Voice, *uploads: Upload) -> None:
    """Uploaded, and examined as a media worker does it."""
    taken = upload_samples(voice=voice, uploads=uploads, actor=PLATFORM, ceiling=1_000)
    for one in taken:
        answer_bell(str(one.sample and one.sample.job_id), examine)
