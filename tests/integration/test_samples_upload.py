"""Uploading samples: once, within limits, whatever they are called, all of a request or nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.functions import Now

from jobs.models import Job
from tenants.audit import PLATFORM
from tenants.models import AuditLine, Tenant
from tenants.roles import Role
from tests.conftest import make_tenant
from tests.ledger import at_once
from tests.people import page_token, somebody
from tests.recordings import job_of, own_voice, recording, samples_at, send, uploaded
from tests.speech import keyed, make_voice, problem_of
from voices.errors import VoiceNotFoundError
from voices.models import Sample, Voice
from voices.samples.errors import MOST_SAMPLES
from voices.samples.uploading import Upload, upload_samples
from voices.storage import audio_store, folder_store
from voices.store import StoreDown, upload_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

pytestmark = pytest.mark.django_db(transaction=True)

MULTIPART = "multipart/form-data; boundary=b"
HOSTILE_NAMES = [
    "<img src=x onerror=alert(1)>.wav",
    "'; DROP TABLE voices_sample; --.wav",
    "smile 😀 Grüße 世界.wav",
    "%s%n%x {{ 7*7 }} ${HOME}.wav",
    "a\u202egpj.wav",
    "x" * 1_000 + ".wav",
    "😀" * 1_000,
]


@pytest.fixture
def client(tenant: Tenant) -> Client:
    return keyed(tenant)


@pytest.fixture
def voice(tenant: Tenant) -> Voice:
    return own_voice(tenant)


@pytest.fixture
def no_store() -> Iterator[None]:
    """The store's folder is no folder any more."""
    folder = Path(settings.AUDIO_FOLDER)
    aside = folder.with_name("aside")
    folder.mkdir(parents=True, exist_ok=True)
    folder.rename(aside)
    folder.write_bytes(b"in the way")
    yield
    folder.unlink()
    aside.rename(folder)


def part(data: bytes, *, disposition: str, more: str = "") -> bytes:
    head = f"--b\r\nContent-Disposition: {disposition}\r\n{more}\r\n"
    return head.encode("utf-8", "surrogateescape") + data + b"\r\n--b--\r\n"


def test_a_file_becomes_a_sample_with_a_probe_that_holds_ids_alone(
    client: Client, voice: Voice
) -> None:
    data = recording()
    answer = send(client, voice, data, name="My take.wav")
    [line] = answer.json()["files"]
    shown, sample = line["sample"], Sample.objects.get()
    assert (answer.status_code, answer.json()["accepted"], line["fresh"]) == (202, 1, True)
    assert (shown["name"], shown["state"], shown["usable"]) == ("My take.wav", "probing", False)
    assert shown["job_url"] == f"/api/v1/jobs/{sample.job_id}"
    job = job_of(sample)
    assert (job.kind, job.queue, job.state) == ("probe", "media", "queued")
    assert job.request == {"sample": str(sample.id), "voice": str(voice.id)}
    assert client.get(shown["job_url"]).json()["kind"] == "probe"
    name = upload_name(voice.tenant_id or "", hashlib.sha256(data).hexdigest())
    assert audio_store().read(name) == data


def test_several_files_come_in_one_request_and_are_answered_in_order(
    client: Client, voice: Voice
) -> None:
    files = [recording(2.0), b"no sound at all", b"", recording(3.0)]
    lines = send(client, voice, *files).json()["files"]
    assert [line["sample"]["original_bytes"] for line in lines] == [len(data) for data in files]
    assert [line["index"] for line in lines] == [0, 1, 2, 3]
    assert Job.objects.filter(kind="probe").count() == 4
    by_key = AuditLine.objects.filter(action="sample.uploaded", actor_kind="key")
    assert by_key.count() == 4


def test_the_same_bytes_again_are_the_sample_they_made_before(client: Client, voice: Voice) -> None:
    first = send(client, voice, recording(2.0), recording(2.0))
    again = send(client, voice, recording(2.0), name="another name.wav")
    ids = {line["sample"]["id"] for line in [*first.json()["files"], *again.json()["files"]]}
    assert (len(ids), first.status_code, again.status_code) == (1, 202, 200)
    assert again.json()["files"][0]["fresh"] is False
    assert Job.objects.count() == 1


def test_the_same_bytes_at_the_same_moment_are_one_sample(tenant: Tenant, voice: Voice) -> None:
    clients = [keyed(tenant) for _ in range(4)]
    answers = at_once(4, lambda number: send(clients[number], voice, recording(2.0)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 202]
    assert (Sample.objects.count(), Job.objects.count()) == (1, 1)


def test_two_tenants_who_upload_the_same_bytes_have_a_row_and_an_object_each(
    client: Client, voice: Voice
) -> None:
    other = make_tenant("other")
    twin = own_voice(other)
    mine, theirs = uploaded(client, voice), uploaded(keyed(other), twin)
    assert mine.original == theirs.original
    assert mine.id != theirs.id
    for sample in (mine, theirs):
        assert audio_store().exists(upload_name(sample.tenant_id, sample.original))


def test_another_tenants_voice_is_not_there_and_a_stock_voice_is_read_only(
    client: Client,
) -> None:
    make_voice("stock")
    assert problem_of(send(client, "stock", b"x")) == (403, "stock_voice")
    foreign = own_voice(make_tenant("other"), "theirs")
    for reference in ("theirs", str(foreign.id), "none-of-these"):
        assert problem_of(send(client, reference, b"x")) == (404, "voice_not_found")
        assert problem_of(client.get(samples_at(reference))) == (404, "voice_not_found")
    assert not Sample.objects.exists()


def test_a_key_that_may_only_read_uploads_nothing(tenant: Tenant, voice: Voice) -> None:
    reader = keyed(tenant, scopes=["voices:read"])
    assert problem_of(send(reader, voice, b"x")) == (403, "scope_missing")
    assert reader.get(samples_at(voice)).status_code == 200


def test_a_file_that_is_too_large_is_refused_and_the_others_are_taken(
    tenant: Tenant, client: Client, voice: Voice
) -> None:
    Tenant.objects.filter(id=tenant.id).update(sample_bytes=1_000)
    answer = send(client, voice, b"a" * 1_000, b"b" * 1_001)
    small, large = answer.json()["files"]
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert small["sample"]["original_bytes"] == 1_000
    assert (large["error"]["status"], large["error"]["code"]) == (413, "sample_too_large")
    assert large["error"]["allowed"] == 1_000
    alone = send(client, voice, b"b" * 1_001)
    assert problem_of(alone) == (413, "sample_too_large")
    assert alone.json()["files"][0]["error"]["code"] == "sample_too_large"
    assert Sample.objects.count() == 1


def test_a_body_that_is_too_large_is_told_to_come_in_parts(client: Client, voice: Voice) -> None:
    answer = send(client, voice, bytes(settings.MAX_BODY + 1))
    assert answer.status_code == 413
    assert not Sample.objects.exists()


def test_a_voice_has_no_more_samples_than_it_may_also_at_one_moment(
    tenant: Tenant, voice: Voice
) -> None:
    clients, room = [keyed(tenant) for _ in range(4)], 14
    Sample.objects.bulk_create(
        Sample(tenant=tenant, voice=voice, original=str(n), original_bytes=1, state="rejected")
        for n in range(MOST_SAMPLES - room)
    )

    def fill(number: int) -> int:
        files = [f"file {number}-{n}".encode() for n in range(4)]
        return int(send(clients[number], voice, *files).json()["accepted"])

    assert sum(at_once(4, fill)) == room
    assert Sample.objects.count() == MOST_SAMPLES
    assert Job.objects.count() == room
    full = send(clients[0], voice, b"one more")
    assert problem_of(full) == (409, "too_many_samples")
    assert f" {MOST_SAMPLES} samples" in full.json()["detail"]
    name = upload_name(tenant.id, hashlib.sha256(b"one more").hexdigest())
    assert not audio_store().exists(name)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_is_kept_as_text(client: Client, voice: Voice, name: str) -> None:
    body = part(b"x", disposition=f'form-data; name="file"; filename="{name}"')
    answer = client.post(samples_at(voice), body, content_type=MULTIPART)
    assert answer.status_code == 202, answer.content
    kept = answer.json()["files"][0]["name"]
    assert kept == Sample.objects.get().name
    assert kept == name.replace("\u202e", "")[:120]


@pytest.mark.parametrize(
    ("name", "kept"),
    [("../../etc/passwd", "passwd"), ("C:\\temp\\take.wav", "take.wav"), ("nul\0.wav", "nul.wav")],
)
def test_a_name_loses_its_folders_and_what_nobody_can_see(
    client: Client, voice: Voice, name: str, kept: str
) -> None:
    body = part(b"x", disposition=f'form-data; name="file"; filename="{name}"')
    client.post(samples_at(voice), body, content_type=MULTIPART)
    assert Sample.objects.get().name == kept


BASE64 = "Content-Transfer-Encoding: base64\r\n"
FORM = 'form-data; name="file"; filename="a.wav"'


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", MULTIPART, 400),
        (b"{}", "application/json", 415),
        (b"file=x", "application/x-www-form-urlencoded", 415),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=", 400),
        (b"x", "multipart/form-data; boundary=" + "b" * 300, 400),
        (b"x", "multipart/form-data; boundary=\x7f", 400),
        (b"--b", MULTIPART, 400),
        (part(b"x", disposition='form-data; name="file"'), MULTIPART, 400),
        (part(b"x", disposition='form-data; name="other"; filename="a"'), MULTIPART, 400),
        (part(b"x", disposition='form-data; name="file"; filename=""'), MULTIPART, 400),
        (part(b"x", disposition="form-data; name=\"file\"; filename*=nonsense''a"), MULTIPART, 400),
        (part(b"x", disposition=FORM), "multipart/form-data; charset=idna; boundary=b", 400),
        (part(b"x", disposition=FORM, more="Content-Type: a/b; charset=rot13\r\n"), MULTIPART, 202),
        (part(b"!!!", disposition=FORM, more=BASE64), MULTIPART, 400),
        (part(b"x", disposition="form-data; name=\"\\u0000\"; filename=\"a\""), MULTIPART, 400),
        (part(b"x", disposition=FORM)[: -len(b"--b--\r\n")] * 101 + b"--b--", MULTIPART, 400),
    ],
)  # fmt: skip
def test_a_body_that_is_no_form_with_files_is_a_problem_and_never_a_failure(
    client: Client, voice: Voice, body: bytes, content_type: str, status: int
) -> None:
    answer = client.post(samples_at(voice), body, content_type=content_type)
    assert answer.status_code == status, answer.content
    if status >= 400:
        assert problem_of(answer)[0] == status
        assert not Sample.objects.exists()


def test_a_voice_that_is_being_erased_takes_nothing_and_nothing_stays_in_the_store(
    voice: Voice,
) -> None:
    late = Upload("late.wav", b"too late")
    Voice.objects.filter(id=voice.id).update(erasing_since=Now())  # since it was looked up
    with pytest.raises(VoiceNotFoundError):
        upload_samples(voice=voice, uploads=[late], actor=PLATFORM, ceiling=100)
    name = upload_name(voice.tenant_id or "", late.sha256)
    assert not audio_store().exists(name)


def test_a_store_that_is_down_leaves_nothing_half_made(
    no_store: None, client: Client, voice: Voice
) -> None:
    answer = send(client, voice, recording(2.0), b"other")
    assert problem_of(answer) == (503, "store_down")
    assert (Sample.objects.count(), Job.objects.count()) == (0, 0)
    assert not AuditLine.objects.filter(action="sample.uploaded").exists()


def test_once_the_store_is_back_the_same_files_are_taken(client: Client, voice: Voice) -> None:
    with pytest.MonkeyPatch.context() as patch:

        def fail(*_: object, **__: object) -> None:
            raise StoreDown("away")

        patch.setattr(type(folder_store()), "put", fail)
        assert send(client, voice, b"a").status_code == 503
    assert send(client, voice, b"a").status_code == 202


def test_a_tenant_with_too_many_jobs_is_told_to_wait(tenant: Tenant, voice: Voice) -> None:
    Tenant.objects.filter(id=tenant.id).update(max_queued=2)
    answer = send(keyed(tenant), voice, b"a", b"b", b"c")
    assert problem_of(answer) == (429, "too_many_jobs")
    assert not Sample.objects.exists()


def test_who_is_signed_in_uploads_from_a_page_by_role(tenant: Tenant, voice: Voice) -> None:
    viewer, _ = somebody(tenant, Role.VIEWER)
    editor, person = somebody(tenant, Role.EDITOR)
    for client, status in ((viewer, 403), (editor, 202)):
        file = SimpleUploadedFile("take.wav", recording(2.0))
        answer = client.post(samples_at(voice), {"file": [file]}, headers=page_token(client))
        assert answer.status_code == status, answer.content
    assert Sample.objects.get().name == "take.wav"
    line = AuditLine.objects.get(action="sample.uploaded")
    assert (line.actor_kind, line.actor_id) == ("person", str(person.user_id))


def test_a_page_that_sends_nonsense_breaks_nothing(tenant: Tenant, voice: Voice) -> None:
    client, _ = somebody(tenant, Role.EDITOR)
    client.raise_request_exception = False
    disposition = "form-data; name=\"file\"; filename*=nonsense''a"
    for body in (part(b"x", disposition=disposition), b"--b", b""):
        answer = client.post(
            samples_at(voice), body, content_type=MULTIPART, headers=page_token(client)
        )
        assert problem_of(answer)[0] == 400
