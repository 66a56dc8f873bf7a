"""Samples over the API: who decides, what is heard, what goes, what stays; and the script."""

from __future__ import annotations

import uuid
from threading import Barrier, Event
from typing import TYPE_CHECKING

import pytest

from jobs.services.workers import offer_engine
from tenants.models import AuditLine
from tests.conftest import make_tenant
from tests.ledger import at_once
from tests.places import done_job
from tests.recordings import (
    consent_to,
    examined,
    heard,
    job_of,
    own_voice,
    recording,
    samples_at,
    uploaded,
)
from tests.speech import ENGINES, keyed, post, problem_of
from voices.models import Consent, Sample
from voices.named import CANONICAL
from voices.samples.deciding import names_of
from voices.storage import audio_store, put_audio, putting
from voices.store import audio_name

if TYPE_CHECKING:
    from django.test import Client

    from tenants.models import Tenant
    from voices.models import Voice

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client(tenant: Tenant) -> Client:
    return keyed(tenant)


@pytest.fixture
def voice(tenant: Tenant) -> Voice:
    return own_voice(tenant)


def address(sample: Sample, more: str = "") -> str:
    return f"{samples_at('mine')}/{sample.id}{more}"


def warned(voice: Voice) -> Sample:
    return heard(voice, state=Sample.State.WARNED)


def stored(sample: Sample) -> list[str]:
    return [name for name in names_of(sample) if audio_store().exists(name)]


def test_a_person_decides_on_a_warning_and_the_decision_is_noted(
    client: Client, voice: Voice
) -> None:
    sample = warned(voice)
    assert client.get(address(sample)).json()["usable"] is False
    for use, action in ((True, "sample.approved"), (False, "sample.declined")):
        told = post(client, address(sample, "/decision"), {"use": use}).json()
        assert (told["usable"], told["approved"]) == (use, use)
        line = AuditLine.objects.get(action=action)
        assert (line.object_id, line.actor_kind) == (str(sample.id), "key")


@pytest.mark.parametrize("state", ["probing", "accepted", "rejected"])
def test_only_a_warning_is_decided_on(client: Client, voice: Voice, state: str) -> None:
    sample = uploaded(client, voice, b"x")
    Sample.objects.filter(id=sample.id).update(state=state, sha256="a" * 64)
    answer = post(client, address(sample, "/decision"), {"use": True})
    assert problem_of(answer) == (409, "not_to_decide")
    assert not AuditLine.objects.filter(action="sample.approved").exists()


@pytest.mark.parametrize("body", [{}, {"use": "perhaps"}, {"use": None}, {"use": True, "x": 1}, []])
def test_a_decision_is_yes_or_no(client: Client, voice: Voice, body: object) -> None:
    answer = post(client, address(warned(voice), "/decision"), body)
    assert problem_of(answer) == (400, "invalid_request")


def test_the_recording_is_heard_whole_or_in_parts(client: Client, voice: Voice) -> None:
    sample = examined(uploaded(client, voice))
    answer = client.get(address(sample, "/audio"))
    size = int(answer.headers["Content-Length"])
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "audio/wav")
    assert answer.headers["ETag"] == f'"{sample.sha256}"'
    assert 'filename="take.wav"' in answer.headers["Content-Disposition"]
    assert size == audio_store().stat(audio_name(voice.tenant_id or "", sample.sha256, "wav")).size
    part = client.get(address(sample, "/audio"), headers={"Range": "bytes=0-43"})
    assert (part.status_code, part.headers["Content-Range"]) == (206, f"bytes 0-43/{size}")
    known = client.get(address(sample, "/audio"), headers={"If-None-Match": answer.headers["ETag"]})
    assert known.status_code == 304


def test_a_sample_without_a_recording_has_none_to_hear(client: Client, voice: Voice) -> None:
    sample = uploaded(client, voice, b"words")
    assert problem_of(client.get(address(sample, "/audio"))) == (409, "sample_not_ready")
    assert problem_of(client.get(address(examined(sample), "/audio"))) == (409, "sample_not_ready")


def test_a_sample_that_is_not_there_or_anothers_is_404(
    client: Client, tenant: Tenant, voice: Voice
) -> None:
    theirs = heard(own_voice(make_tenant("other"), "theirs"))
    elsewhere = heard(own_voice(tenant, "second"))
    for sample_id in (theirs.id, elsewhere.id, uuid.uuid4()):
        place = f"{samples_at('mine')}/{sample_id}"
        assert problem_of(client.get(place)) == (404, "sample_not_found")
        assert problem_of(client.get(f"{place}/audio")) == (404, "sample_not_found")
        assert problem_of(client.delete(place)) == (404, "sample_not_found")
        refused = post(client, f"{place}/decision", {"use": True})
        assert problem_of(refused) == (404, "sample_not_found")
    foreign = f"{samples_at('theirs')}/{theirs.id}"
    assert problem_of(client.delete(foreign)) == (404, "voice_not_found")
    assert Sample.objects.count() == 2


def test_deleting_a_sample_takes_its_row_and_its_recordings_at_once(
    client: Client, voice: Voice
) -> None:
    sample = examined(uploaded(client, voice))
    assert len(stored(sample)) == 2
    assert client.delete(address(sample)).status_code == 204
    assert (Sample.objects.count(), stored(sample)) == (0, [])
    assert problem_of(client.delete(address(sample))) == (404, "sample_not_found")
    assert AuditLine.objects.filter(action="sample.deleted", object_id=str(sample.id)).count() == 1


def test_deleting_a_sample_that_is_examined_cancels_its_probe(client: Client, voice: Voice) -> None:
    sample = uploaded(client, voice)
    assert client.delete(address(sample)).status_code == 204
    assert (job_of(sample).state, stored(sample)) == ("cancelled", [])


def test_a_recording_that_something_else_names_stays(
    client: Client, tenant: Tenant, voice: Voice
) -> None:
    mine = examined(uploaded(client, voice))
    twin = examined(uploaded(client, own_voice(tenant, "second")))
    other = make_tenant("other")
    theirs = examined(uploaded(keyed(other), own_voice(other, "theirs")))
    assert mine.sha256 == twin.sha256 == theirs.sha256
    client.delete(address(mine))
    assert len(stored(twin)) == 2
    client.delete(f"{samples_at('second')}/{twin.id}")
    assert (stored(twin), len(stored(theirs))) == ([], 2)


def test_a_recording_that_is_just_being_put_is_left_to_the_sweep(
    client: Client, voice: Voice
) -> None:
    sample = heard(voice)
    name = audio_name(sample.tenant_id, sample.sha256, CANONICAL)
    audio_store().put(name, b"RIFF", media_type="audio/wav")
    ready, done = Barrier(2), Event()

    def act(number: int) -> int:
        if number == 0:
            with putting(name):
                ready.wait(10)
                done.wait(10)
            return 0
        ready.wait(10)
        try:
            return client.delete(address(sample)).status_code
        finally:
            done.set()

    assert at_once(2, act) == [0, 204]
    assert audio_store().exists(name)


def test_a_sample_that_a_standing_consent_names_stays_until_that_is_withdrawn(
    client: Client, voice: Voice
) -> None:
    sample, spare = heard(voice), heard(voice)
    consent = consent_to(sample)
    refused = client.delete(address(sample))
    assert problem_of(refused) == (409, "sample_in_use")
    assert "withdraw the consent" in refused.json()["detail"]
    assert client.delete(address(spare)).status_code == 204
    Consent.objects.filter(id=consent.id).update(withdrawn_at=consent.given_at)
    assert client.delete(address(sample)).status_code == 204


def test_the_recording_of_a_consent_stays_with_it(client: Client, voice: Voice) -> None:
    sample, proof = heard(voice), heard(voice)
    consent = consent_to(sample, recording=proof)
    Consent.objects.filter(id=consent.id).update(withdrawn_at=consent.given_at)
    assert problem_of(client.delete(address(proof))) == (409, "sample_in_use")


def test_what_can_be_used_is_measured_against_each_engine(client: Client, voice: Voice) -> None:
    able = {"clone_seconds": [6, 30], "train_seconds": [60, 600]}
    offer_engine(engine="cloner", queue="cpu", capabilities=ENGINES["echo"] | able)
    offer_engine(engine="echo", queue="cpu", capabilities=ENGINES["echo"])
    heard(voice, seconds=4.2)
    heard(voice, seconds=50.0, state=Sample.State.WARNED)
    heard(voice, seconds=50.0, state=Sample.State.REJECTED)
    told = client.get(samples_at(voice)).json()
    assert told["usable_seconds"] == 4.2
    assert [(suit["engine"], suit["purpose"], suit["ok"]) for suit in told["suits"]] == [
        ("cloner", "clone", False),
        ("cloner", "train", False),
    ]
    assert told["suits"][0]["why"] == "6 to 30 seconds are needed, 4.2 are here: record more."


def test_the_script_is_given_in_short_lines_with_how_long_they_take(client: Client) -> None:
    short = client.get("/api/v1/recording-script").json()
    long = client.get("/api/v1/recording-script?language=en-GB&length=long").json()
    assert short["seconds"] >= 30
    assert long["seconds"] >= 120
    assert short["seconds"] == pytest.approx(sum(line["seconds"] for line in short["lines"]))
    assert (short["language"], long["language"], long["length"]) == ("en", "en", "long")


def test_a_script_that_is_not_there_says_so(client: Client) -> None:
    for language in ("xx", "", "../en"):
        answer = client.get("/api/v1/recording-script", {"language": language})
        assert problem_of(answer) == (404, "script_not_found")
    answer = client.get("/api/v1/recording-script?length=endless")
    assert problem_of(answer) == (400, "invalid_request")


def test_a_render_with_the_same_bytes_keeps_the_recording(
    client: Client, tenant: Tenant, voice: Voice
) -> None:
    sample = examined(uploaded(client, voice, recording(2.0)))
    data = audio_store().read(audio_name(tenant.id, sample.sha256, CANONICAL))
    done_job(tenant, sha256=put_audio(tenant.id, data, "wav"))
    client.delete(address(sample))
    assert audio_store().exists(audio_name(tenant.id, sample.sha256, CANONICAL))
