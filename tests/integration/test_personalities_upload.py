"""Recordings for a personality's own voice: the first of them make it, and it speaks as before."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError

from jobs.pressure import forget_pressure
from personalities.exchange import duplicate_personality, export_personality
from personalities.models import Personality
from personalities.selectors import find_personality
from tenants.audit import PLATFORM
from tenants.models import AuditLine, Tenant
from tenants.scopes import Scope
from tests.conftest import make_tenant
from tests.ledger import at_once
from tests.recordings import examined, heard, own_voice, recording
from tests.speech import keyed, make_voice, post, problem_of, speak
from voices.models import Sample, Voice
from voices.samples.errors import MOST_SAMPLES
from voices.storage import folder_store
from voices.store import upload_name

if TYPE_CHECKING:
    from django.test import Client

    from tests.speech import Answer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]

MARCEL = "/api/v1/personalities/marcel"
UPLOAD = f"{MARCEL}/voice/upload"


@pytest.fixture
def amy(tenant: Tenant) -> Voice:
    """What marcel speaks with: a stock voice."""
    voice = make_voice("amy", language="en-US")
    give(tenant, voice=voice)
    return voice


def give(tenant: Tenant, **columns: Any) -> Personality:
    Personality.objects.filter(id=marcel(tenant).id).update(**columns)
    return marcel(tenant)


def marcel(tenant: Tenant) -> Personality:
    return find_personality(tenant.id, "marcel")


def send(client: Client, *files: bytes, path: str = UPLOAD) -> Answer:
    attached = [SimpleUploadedFile("take.wav", data) for data in files]
    return client.post(path, {"file": attached})


def own(tenant: Tenant) -> list[Voice]:
    return list(Voice.objects.filter(tenant=tenant))


def deeds() -> list[str]:
    """What was done with keys, as the audit log has it."""
    lines = AuditLine.objects.filter(actor_kind="key").order_by("id")
    return list(lines.values_list("action", flat=True))


def test_the_first_recordings_make_a_voice_called_like_it_and_it_speaks_as_before(
    mine: Client, tenant: Tenant, amy: Voice
) -> None:
    answer = send(mine, b"one", b"two")
    [voice], told = own(tenant), answer.json()
    assert (answer.status_code, told["accepted"], len(told["files"])) == (202, 2, 2)
    assert (told["voice_id"], told["voice_url"]) == (str(voice.id), f"/api/v1/voices/{voice.id}")
    assert mine.get(told["voice_url"]).json()["slug"] == "marcel"
    assert (voice.name, voice.slug, voice.language, voice.status) == (
        "Marcel",
        "marcel",
        "en-US",
        "none",
    )
    assert set(Sample.objects.values_list("voice", "tenant")) == {(voice.id, tenant.id)}
    after = marcel(tenant)
    assert (after.voice, after.own_voice, after.version) == (amy, voice, 2)
    assert deeds() == ["voice.created", "personality.voice_begun", *["sample.uploaded"] * 2]


def test_more_recordings_are_of_the_same_voice(mine: Client, tenant: Tenant, amy: Voice) -> None:
    first, again = send(mine, b"one"), send(mine, b"one")
    other = send(mine, b"two")
    assert [answer.status_code for answer in (first, again, other)] == [202, 200, 202]
    assert len({answer.json()["voice_id"] for answer in (first, again, other)}) == 1
    assert (len(own(tenant)), Sample.objects.count(), marcel(tenant).version) == (1, 2, 2)


def test_they_are_of_the_voice_it_speaks_with_where_that_is_the_tenants_own(
    mine: Client, tenant: Tenant
) -> None:
    spoken, made = own_voice(tenant, "spoken"), own_voice(tenant, "made")
    give(tenant, voice=spoken, own_voice=made)
    assert send(mine, b"one").json()["voice_id"] == str(spoken.id)
    assert (len(own(tenant)), marcel(tenant).version) == (2, 1)


def test_many_who_upload_at_one_moment_make_one_voice(tenant: Tenant, amy: Voice) -> None:
    clients = [keyed(tenant) for _ in range(4)]
    answers = at_once(4, lambda number: send(clients[number], b"take %d" % number))
    assert [answer.status_code for answer in answers] == [202] * 4
    [voice] = own(tenant)
    assert {answer.json()["voice_id"] for answer in answers} == {str(voice.id)}
    assert (Sample.objects.filter(voice=voice).count(), deeds().count("voice.created")) == (4, 1)


def test_what_is_refused_whole_leaves_no_voice_and_nothing_in_the_store(
    mine: Client, tenant: Tenant, amy: Voice
) -> None:
    Tenant.objects.filter(id=tenant.id).update(sample_bytes=4)
    assert problem_of(send(mine, b"large", b"larger")) == (413, "sample_too_large")
    Tenant.objects.filter(id=tenant.id).update(custom_voices=0)
    assert problem_of(send(mine, b"tiny")) == (403, "tier_without_custom_voices")
    Tenant.objects.filter(id=tenant.id).update(custom_voices=1, max_queued=0)
    forget_pressure()
    assert problem_of(send(keyed(tenant), b"tiny")) == (429, "too_many_jobs")
    nothing_was_made(tenant, amy, b"tiny")


def test_one_voice_too_many_is_refused_and_leaves_nothing(
    mine: Client, tenant: Tenant, amy: Voice
) -> None:
    other = own_voice(tenant, "other")
    Tenant.objects.filter(id=tenant.id).update(custom_voices=1)
    assert problem_of(send(mine, b"tiny")) == (403, "limit_reached")
    Voice.objects.filter(id=other.id).delete()
    nothing_was_made(tenant, amy, b"tiny")
    assert send(mine, b"tiny").status_code == 202


def nothing_was_made(tenant: Tenant, spoken: Voice, data: bytes) -> None:
    found = marcel(tenant)
    assert own(tenant) == []
    assert (found.own_voice, found.voice, found.version, deeds()) == (None, spoken, 1, [])
    name = upload_name(tenant.id, hashlib.sha256(data).hexdigest())
    assert not folder_store().exists(name)


def test_of_a_request_that_is_refused_in_part_the_rest_makes_the_voice(
    mine: Client, tenant: Tenant, amy: Voice
) -> None:
    Tenant.objects.filter(id=tenant.id).update(sample_bytes=4)
    answer = send(mine, b"large", b"tiny")
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert answer.json()["voice_id"] == str(own(tenant)[0].id)


def test_a_voice_that_is_full_takes_none(mine: Client, tenant: Tenant, amy: Voice) -> None:
    voice = own_voice(tenant)
    give(tenant, own_voice=voice)
    for _ in range(MOST_SAMPLES):
        heard(voice)
    assert problem_of(send(mine, b"one more")) == (409, "too_many_samples")


@pytest.mark.parametrize(
    ("slug", "voice"),
    [("amy", "amy-2"), ("a", "a-2"), ("a_b_", "a-b"), ("x" * 60, "x" * 55)],
)
def test_its_slug_is_free_and_as_near_to_the_personalitys_as_may_be(
    mine: Client, tenant: Tenant, amy: Voice, slug: str, voice: str
) -> None:
    Personality.objects.filter(id=marcel(tenant).id).update(slug=slug)
    assert send(mine, b"x", path=f"/api/v1/personalities/{slug}/voice/upload").status_code == 202
    assert own(tenant)[0].slug == voice


def test_after_its_erasure_the_next_recordings_make_another(
    mine: Client, tenant: Tenant, amy: Voice
) -> None:
    first = send(mine, b"one").json()["voice_id"]
    gone = mine.delete(f"/api/v1/voices/{first}", headers={"If-Match": "*"})
    assert (gone.status_code, marcel(tenant).own_voice) == (204, None)
    assert send(mine, b"one").json()["voice_id"] != first


def test_what_is_no_upload_is_a_problem_and_makes_nothing(
    mine: Client, tenant: Tenant, amy: Voice
) -> None:
    form = "multipart/form-data; boundary=b"
    for body, content_type, status in (
        (b"", form, 400),
        (b"--b", form, 400),
        (b"{}", "application/json", 415),
        (b"x", "multipart/form-data", 400),
    ):
        answer = mine.post(UPLOAD, body, content_type=content_type)
        assert problem_of(answer)[0] == status, body
    assert problem_of(mine.post(UPLOAD, {"files": SimpleUploadedFile("a", b"x")}))[0] == 400
    assert problem_of(send(mine, b"x", path=UPLOAD.replace("marcel", "nobody")))[0] == 404
    assert own(tenant) == []


def test_uploading_needs_the_scope_of_making_voices(tenant: Tenant, amy: Voice) -> None:
    every_other = [scope for scope in Scope if scope != Scope.VOICES_WRITE]
    assert problem_of(send(keyed(tenant, scopes=every_other), b"x")) == (403, "scope_missing")
    assert send(keyed(tenant, scopes=[Scope.VOICES_WRITE]), b"x").status_code == 202


def test_another_tenants_personality_takes_nothing(tenant: Tenant, amy: Voice) -> None:
    path = f"/api/v1/personalities/{marcel(tenant).id}/voice/upload"
    stranger = keyed(make_tenant("other"))
    assert problem_of(send(stranger, b"x", path=path)) == (404, "personality_not_found")
    assert not Voice.objects.exclude(tenant=None).exists()


def test_files_and_doubles_know_nothing_of_it(tenant: Tenant, amy: Voice) -> None:
    voice = own_voice(tenant, "quokkabeam")
    found = give(tenant, own_voice=voice)
    assert "quokkabeam" not in str(export_personality(found))
    double = duplicate_personality(personality=found, actor=PLATFORM)
    assert (double.voice, double.own_voice) == (amy, None)


def test_the_database_takes_no_stock_voice_and_no_other_tenants_for_its_own(
    tenant: Tenant, amy: Voice
) -> None:
    for voice in (amy, own_voice(make_tenant("other"))):
        with pytest.raises(IntegrityError, match="another tenant's"):
            give(tenant, own_voice=voice)


def test_the_whole_way_from_recordings_to_speech(mine: Client, tenant: Tenant, amy: Voice) -> None:
    send(mine, recording(8.0))
    examined(Sample.objects.get())
    place = f"/api/v1/voices/{own(tenant)[0].id}"
    agreed = {"speaker": "Ada Example", "text_version": "2026-11", "samples": "all"}
    assert post(mine, f"{place}/consents", agreed).status_code == 201
    job = post(mine, "/api/v1/jobs/clone", {"voice": "marcel"}).json()
    assert speak(job["id"]).state == "succeeded"
    before = speak(post(mine, f"{MARCEL}/voice/generate", {"text": "Hello."}).json()["id"])
    chosen = mine.put(
        f"{MARCEL}/voice",
        {"mode": "custom"},
        content_type="application/json",
        headers={"If-Match": mine.get(MARCEL).headers["ETag"]},
    )
    assert chosen.status_code == 200, chosen.json()
    after = speak(post(mine, f"{MARCEL}/voice/generate", {"text": "Hello."}).json()["id"])
    assert [job.result and job.result["voice"] for job in (before, after)] == ["amy", "marcel"]
