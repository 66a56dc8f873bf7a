"""Erasing a voice: nothing of it is left in the database, the store or Redis but a line."""

from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client as DjangoClient

from jobs.models import Job
from jobs.services.endings import end_job
from jobs.states import State
from jobs.webhooks.endpoints import create_endpoint
from jobs.webhooks.fanning import fan_out
from jobs.webhooks.models import Delivery
from jobs.wire import redis_client
from personalities.models import Personality
from synthesis_worker.artifacts import Kept
from tenants.audit import PLATFORM
from tenants.models import AuditLine
from tenants.people import add_person
from tenants.roles import Role
from tests.conftest import make_tenant
from tests.engines import MimicEngine
from tests.ledger import eventually
from tests.own import (
    add_sample,
    agree,
    apart,
    ask_clone,
    cloned_voice,
    own_voice,
    recording,
    time_passes,
)
from tests.s3 import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, serve_s3
from tests.speech import SYNTHESIZE, keyed, make_voice, post, problem_of, speak
from tests.trainings import ask_training, begun, offer_trainer, said, voice_with_words
from voices import storage
from voices.models import Loss, Removal, Render, Sample, Voice
from voices.owning import erasing
from voices.owning.erasing import erase_voice, finish_erasures
from voices.owning.removals import remove_noted
from voices.store import upload_name
from voices.store.names import sha256_in
from voices.store.s3 import MinioStore, Patience

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client

    from tenants.models import Tenant

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]

CANARIES = ("quokka", "Wilhelmina", "zephyranthes", "bandicoot")
WORDS = "A quokka sat by the bandicoot."
TEXT = """
    SELECT table_name, column_name FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name <> %s
       AND data_type IN ('text', 'character varying', 'character', 'json', 'jsonb', 'uuid', 'ARRAY')
"""


def erase(client: Client, voice: str = "zephyranthes", match: str = "*") -> Any:
    return client.delete(f"/api/v1/voices/{voice}", headers={"If-Match": match})


def say(client: Client, text: str = WORDS, **more: object) -> Job:
    answer = post(client, SYNTHESIZE, {"text": text, "voice": "zephyranthes"} | more)
    assert answer.status_code in {200, 202}, answer.json()
    return speak(answer.json()["id"])


def rich_voice(tenant: Tenant) -> Voice:
    """A voice full of things that must go."""
    voice = own_voice(tenant, "zephyranthes", name="Wilhelmina", description="Of the bandicoot.")
    add_sample(voice, name="quokka.wav", original_kept=True)
    add_sample(voice, seed=2, name="other.wav", state=Sample.State.REJECTED)
    sample = add_sample(voice, seed=3, name="bandicoot.wav")
    original = hashlib.sha256(b"as it came" + recording(2.0, 1)).hexdigest()
    name = upload_name(tenant.id, original)
    storage.audio_store().put(name, b"as it came", media_type="application/octet-stream")
    agree(voice, "Wilhelmina Quokka", recording=sample.id)
    speak(ask_clone(voice))
    return voice


def found(needle: str, besides: str = "tenants_auditline") -> list[tuple[str, str]]:
    """The columns of any table, but for the audit log, that hold this."""
    hits = []
    with connection.cursor() as cursor:
        cursor.execute(TEXT, [besides])
        for table, column in cursor.fetchall():
            cursor.execute(
                f'SELECT 1 FROM "{table}" WHERE "{column}"::text ILIKE %s LIMIT 1',  # noqa: S608
                [f"%{needle}%"],
            )
            if cursor.fetchone():
                hits.append((table, column))
    return hits


def stored(tenant: Tenant) -> set[str]:
    return {sha256_in(one.name) for one in storage.audio_store().names(f"{tenant.id}/")}


def in_redis(needle: str) -> bool:
    client: Any = redis_client()
    held = b"".join(client.dump(key) or b"" for key in client.scan_iter())
    return needle.encode() in held


def test_nothing_of_an_erased_voice_is_left_but_a_line(
    tenant: Tenant, mine: Client, quick_webhooks: None
) -> None:
    url, events = "http://127.0.0.1:9/hook", ["job.succeeded", "voice.ready"]
    create_endpoint(tenant_id=tenant.id, url=url, events=events)
    voice = rich_voice(tenant)
    spoken = [say(mine), say(mine, format="mp3"), say(mine, format="flac"), say(mine)]
    fan_out()
    personality = Personality.objects.create(
        tenant=tenant, slug="shop", name="Shop", voice=voice, fallback_voice=voice
    )
    hashes = stored(tenant)
    assert len(hashes) >= 7
    for needle in CANARIES:
        assert found(needle), needle
    gone = hashes | set(_strings(voice))

    assert erase(mine).status_code == 204

    left = {needle: found(needle) for needle in (*CANARIES, *gone)}
    assert {needle: hits for needle, hits in left.items() if hits} == {}
    named = {table for table, _ in found(str(voice.id))}
    assert named <= {"jobs_event", "jobs_delivery"}, "only what the tenant was told: voice.ready"
    assert stored(tenant) == set()
    assert not any(in_redis(needle) for needle in (*CANARIES, *gone))
    assert not Voice.objects.filter(tenant=tenant).exists()
    personality.refresh_from_db()
    assert (personality.voice, personality.fallback_voice) == (None, None)
    for job in spoken:
        shown = mine.get(f"/api/v1/jobs/{job.id}").json()
        assert (shown["state"], shown["audio_url"]) == ("succeeded", None)
        assert problem_of(mine.get(f"/api/v1/jobs/{job.id}/audio")) == (410, "audio_erased")
        assert problem_of(mine.get(f"/api/v1/jobs/{job.id}/audio/link")) == (410, "audio_erased")
    assert problem_of(post(mine, SYNTHESIZE, {"text": "Hi.", "voice": "zephyranthes"}))[0] == 404
    lines = AuditLine.objects.filter(object_id=str(voice.id))
    assert "Quokka" not in str([(line.detail, line.object_name) for line in lines])
    told = lines.get(action="voice.erased").detail
    assert (told["samples"], told["artifacts"], len(told["consents"])) == (3, 1, 1)


def test_no_name_outlives_the_voice_not_even_in_the_audit_log(tenant: Tenant, mine: Client) -> None:
    """Made and renamed in the admin, whose history holds names too."""
    added = add_person(tenant=tenant, name="owner", role=Role.OWNER, actor=PLATFORM)
    owner = DjangoClient()
    owner.force_login(added.person.user)
    inline = {f"revisions-{one}_FORMS": "0" for one in ("TOTAL", "INITIAL")}
    form = inline | {"name": "Wilhelmina Quokka", "language": "en-GB", "slug": "wq"}
    assert owner.post("/admin/voices/voice/add/", form).status_code == 302
    voice = Voice.objects.get()
    page = f"/admin/voices/voice/{voice.id}/change/"
    renamed = form | {"name": "The Quokka", "version": "1", "active": "on"}
    assert owner.post(page, renamed).status_code == 302
    take = SimpleUploadedFile("Quokka at home.wav", recording())
    samples = "/api/v1/voices/wq/samples"
    [taken] = mine.post(samples, {"file": take}).json()["files"]
    assert len(found("quokka", besides="")) >= 3
    assert mine.delete(f"{samples}/{taken['sample']['id']}").status_code == 204
    assert erase(mine, "wq").status_code == 204
    assert found("quokka", besides="") == []
    lines = AuditLine.objects.filter(object_id=str(voice.id)).order_by("id")
    told = [(line.action, line.object_name) for line in lines]
    assert told == [("voice.created", "wq"), ("voice.changed", "wq"), ("voice.erased", "wq")]


def _strings(voice: Voice) -> list[str]:
    """Hashes of what was given, also of what was not kept."""
    return [sample.original for sample in voice.samples.all()]


def test_erasing_needs_the_version_that_was_read(tenant: Tenant, mine: Client) -> None:
    own_voice(tenant, "zephyranthes")
    assert problem_of(mine.delete("/api/v1/voices/zephyranthes"))[1] == "if_match_missing"
    assert problem_of(erase(mine, match='"7"')) == (412, "version_changed")
    assert erase(mine, match='"1"').status_code == 204
    assert problem_of(erase(mine)) == (404, "voice_not_found")


def test_what_is_under_way_ends(tenant: Tenant, mine: Client) -> None:
    rich_voice(tenant)
    body = {"text": WORDS, "voice": "zephyranthes"}
    waiting = [post(mine, SYNTHESIZE, body).json()["id"] for _ in range(3)]
    erase(mine)
    jobs = Job.objects.filter(id__in=waiting)
    assert {(job.state, job.error_code) for job in jobs} == {(State.FAILED, "voice_erased")}
    assert not found("quokka")


def test_a_clone_under_way_leaves_nothing_behind(tenant: Tenant, mine: Client) -> None:
    """Its worker has not heard of it, and puts and finishes as ever."""
    voice = own_voice(tenant, "zephyranthes")
    add_sample(voice)
    agree(voice)
    job_id = ask_clone(voice)
    MimicEngine.steps = 10
    working = apart(lambda: speak(job_id))
    working.start()
    assert MimicEngine.begun.wait(20)
    erase(mine)
    working.join(30)
    assert Job.objects.get(id=job_id).error_code == "voice_erased"
    assert stored(tenant) == set()


def test_what_a_training_told_of_its_recordings_goes_with_the_voice(
    tenant: Tenant, mine: Client, quick_webhooks: None
) -> None:
    """Its data set, its curve and its end name files and hold words, also to who was told."""
    events = ["job.failed", "voice.failed"]
    create_endpoint(tenant_id=tenant.id, url="http://127.0.0.1:9/hook", events=events)
    offer_trainer()
    voice = voice_with_words(tenant, "zephyranthes")
    job = begun(ask_training(voice))
    end_job(job.id, State.FAILED, code="dataset_too_small", message="take 1.wav: a bandicoot.")
    fan_out()
    told = {("jobs_event", "data"), ("jobs_delivery", "body"), ("jobs_job", "error_message")}
    assert told <= set(found("bandicoot"))
    assert Loss.objects.exists()
    assert erase(mine).status_code == 204
    for needle in ("bandicoot", "take 1.wav", said()["text"]):
        assert found(needle) == [], needle
    assert not Loss.objects.exists()
    assert stored(tenant) == set()
    assert {one.name for one in Delivery.objects.all()} == set(events), "that it failed stays told"


def test_speech_under_way_leaves_nothing_behind(
    tenant: Tenant, mine: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The voice goes between the last sound and the finish."""
    voice = rich_voice(tenant)
    job_id = post(mine, SYNTHESIZE, {"text": WORDS, "voice": "zephyranthes"}).json()["id"]

    def erase_first(*_: object, **__: object) -> None:
        monkeypatch.undo()
        erase_voice(voice=voice, actor=PLATFORM, expected=None)

    monkeypatch.setattr("synthesis_worker.speaking._observe_render", erase_first)
    assert speak(job_id).error_code == "voice_erased"
    assert stored(tenant) == set()
    assert not Render.objects.exists()


def test_what_another_voice_or_tenant_has_too_stays_theirs(tenant: Tenant, mine: Client) -> None:
    """The same recording, the same artifact and so the same names in the store."""
    other = make_tenant("other")
    rich_voice(tenant)
    cloned_voice(tenant, "twin", seed=1)
    cloned_voice(other, "twin", seed=1)
    said = [
        post(keyed(one), SYNTHESIZE, {"text": WORDS, "voice": "twin"}) for one in (tenant, other)
    ]
    jobs = [speak(answer.json()["id"]) for answer in said]
    theirs, twins = stored(other), _hashes_of(Voice.objects.get(tenant=tenant, slug="twin"))
    erase(mine)
    assert stored(other) == theirs
    assert stored(tenant) == twins
    for client, job in zip((mine, keyed(other)), jobs, strict=True):
        assert client.get(f"/api/v1/jobs/{job.id}/audio").status_code == 200
    again = post(mine, SYNTHESIZE, {"text": "Something new.", "voice": "twin"}).json()["id"]
    assert speak(again).state == State.SUCCEEDED


def test_that_another_tenant_has_the_same_bytes_keeps_none_of_ours(
    tenant: Tenant, mine: Client
) -> None:
    other = make_tenant("other")
    voices = [cloned_voice(one, "zephyranthes") for one in (tenant, other)]
    theirs = stored(other)
    assert stored(tenant) == theirs != set()
    erase_voice(voice=voices[0], actor=PLATFORM, expected=None)
    assert (stored(tenant), stored(other)) == (set(), theirs)


def _hashes_of(voice: Voice) -> set[str]:
    made = erasing.stored_of(voice, erasing.MADE)
    given = {sample.sha256 for sample in voice.samples.all()}
    return given | {sha256_in(name) for name in made}


def test_a_stock_voice_that_says_the_same_keeps_its_audio(tenant: Tenant, mine: Client) -> None:
    make_voice("stocky")
    spoken = speak(post(mine, SYNTHESIZE, {"text": WORDS, "voice": "stocky"}).json()["id"])
    rich_voice(tenant)
    erase(mine)
    assert mine.get(f"/api/v1/jobs/{spoken.id}/audio").status_code == 200


def test_what_the_store_keeps_while_it_is_down_goes_when_it_is_back(
    tenant: Tenant, mine: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real S3 that is stopped: only the list remembers what has to go."""
    with serve_s3(tmp_path) as s3:
        keys = (s3.endpoint, ACCESS_KEY, SECRET_KEY, BUCKET)
        store = MinioStore(*keys, region=REGION, patience=Patience(connect=0.5, read=0.5))
        for which in ("audio_store", "web_store"):
            monkeypatch.setattr(storage, which, lambda: store)
        voice = rich_voice(tenant)
        say(mine)
        hashes = stored(tenant)
        assert len(hashes) >= 5
        s3.stop()
        assert erase(mine).status_code == 204
        assert not Voice.objects.filter(id=voice.id).exists()
        time_passes()
        assert remove_noted() == 0, "it is away still"
        s3.start()
        time_passes()
        noted = {sha256_in(name) for name in Removal.objects.values_list("name", flat=True)}
        assert hashes == stored(tenant)
        assert hashes <= noted
        assert remove_noted() == len(noted)
        assert (stored(tenant), Removal.objects.count()) == (set(), 0)


def test_an_erasure_that_died_on_the_way_is_finished_by_the_sweep(
    tenant: Tenant, mine: Client
) -> None:
    voice = rich_voice(tenant)
    erasing.begin_erasure(voice, PLATFORM, None)
    assert problem_of(post(mine, SYNTHESIZE, {"text": WORDS, "voice": "zephyranthes"}))[0] == 404
    assert problem_of(erase(mine)) == (404, "voice_not_found")
    assert finish_erasures() == 0, "whoever began it may still be at it"
    Voice.objects.filter(id=voice.id).update(erasing_since=datetime.now(UTC) - timedelta(hours=1))
    assert finish_erasures(dry_run=True) == 1
    assert finish_erasures() == 1
    assert stored(tenant) == set()
    assert not found("quokka")


def test_an_artifact_leaves_a_workers_memory_by_itself() -> None:
    kept, read = Kept[bytes](seconds=0.05), iter([b"one", b"two"])
    assert kept.get("a", lambda: next(read)) == b"one"
    assert kept.get("a", lambda: next(read)) == b"one"
    eventually(lambda: not len(kept))
    assert kept.get("a", lambda: next(read)) == b"two"


def test_the_facts_of_a_consent_can_be_proven_and_not_read(tenant: Tenant, mine: Client) -> None:
    voice = rich_voice(tenant)
    consent = voice.consents.get()
    facts = (str(consent.id), consent.speaker, consent.text_version, *consent.samples)
    erase(mine)
    [told] = AuditLine.objects.get(action="voice.erased").detail["consents"]
    assert told["sha256"] == hashlib.sha256("\n".join(facts).encode()).hexdigest()


def test_many_uses_of_what_is_kept_wait_by_one_thread() -> None:
    kept, before = Kept[bytes](), threading.active_count()
    for turn in range(50):
        kept.get(str(turn % 3), lambda: b"artifact")
    assert threading.active_count() <= before + 1
