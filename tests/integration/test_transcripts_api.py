"""What is said in a sample, over the API: taken as it is, or refused at once with the line."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tenants.audit import PLATFORM
from tenants.models import AuditLine
from tenants.scopes import Scope
from tests.conftest import make_tenant
from tests.own import add_sample, own_voice
from tests.speech import keyed, problem_of
from voices.api.sample_bodies import present_sample
from voices.owning.erasing import begin_erasure
from voices.samples.selectors import samples_of

if TYPE_CHECKING:
    from django.test import Client

    from tenants.models import Tenant
    from tests.speech import Answer
    from voices.models import Sample

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]

SRT = "1\n00:00:00,500 --> 00:00:02,000\nWhat is said.\n"
VTT = "WEBVTT\n\n00:00.500 --> 00:02.000\nWhat is said.\n"
CSV = "file|start|end|text\ntake 1.wav|0.5|2|What is said.\n"
GOOD = [("srt", SRT), ("vtt", VTT), ("csv", CSV), ("txt", "What is said.\n")]


@pytest.fixture
def sample(tenant: Tenant) -> Sample:
    return add_sample(own_voice(tenant))


def place(sample: Sample) -> str:
    return f"/api/v1/voices/{sample.voice_id}/samples/{sample.id}/transcript"


def put(client: Client, sample: Sample, body: Any) -> Answer:
    return client.put(place(sample), body, content_type="application/json")


def kept(sample: Sample) -> Any:
    sample.refresh_from_db()
    return sample.transcript


@pytest.mark.parametrize(("form", "text"), GOOD)
def test_it_is_kept_to_the_letter_and_its_format_is_shown(
    sample: Sample, mine: Client, form: str, text: str
) -> None:
    assert mine.get("/api/v1/voices/brand/samples").json()["samples"][0]["transcript"] is None
    answer = put(mine, sample, {"format": form, "text": text})
    assert (answer.status_code, answer.json()["transcript"]) == (200, form)
    assert kept(sample) == {"format": form, "text": text}
    assert mine.get("/api/v1/voices/brand/samples").json()["samples"][0]["transcript"] == form


def test_a_list_of_samples_is_shown_without_reading_what_is_said(
    sample: Sample, mine: Client
) -> None:
    put(mine, sample, {"format": "csv", "text": CSV})
    [listed] = samples_of(sample.voice)
    assert present_sample(listed)["transcript"] == "csv"
    assert listed.get_deferred_fields() == {"transcript"}


def test_a_second_one_takes_the_first_ones_place(sample: Sample, mine: Client) -> None:
    put(mine, sample, {"format": "srt", "text": SRT})
    put(mine, sample, {"format": "txt", "text": "Other words."})
    assert kept(sample) == {"format": "txt", "text": "Other words."}


def test_it_is_taken_back(sample: Sample, mine: Client) -> None:
    put(mine, sample, {"format": "srt", "text": SRT})
    for _ in range(2):
        answer = mine.delete(place(sample))
        assert (answer.status_code, answer.json()["transcript"]) == (200, None)
    assert kept(sample) is None


def test_the_audit_log_has_who_did_it_and_no_word_of_it(sample: Sample, mine: Client) -> None:
    put(mine, sample, {"format": "txt", "text": "Sesame."})
    mine.delete(place(sample))
    lines = AuditLine.objects.filter(action__startswith="sample.transcri").order_by("id")
    assert [one.action for one in lines] == ["sample.transcribed", "sample.transcript_removed"]
    assert {one.object_id for one in lines} == {str(sample.id)}
    assert "Sesame" not in str([one.detail for one in lines])


BAD = [
    (("srt", "What is said."), "transcript_unreadable", 1),
    (("srt", SRT.replace("02,000", "00,100")), "transcript_times", 2),
    (("srt", f"{SRT}\n2\n00:00:01,000 --> 00:00:03,000\nOver it.\n"), "transcript_times", 6),
    (("vtt", SRT), "transcript_unreadable", 1),
    (("vtt", VTT.replace("00:02.000", "00:99.000")), "transcript_times", 3),
    (("csv", "take.wav|0.5|2"), "transcript_unreadable", 1),
    (("csv", "take.wav|soon|2|What is said."), "transcript_times", 1),
    (("txt", "..."), "transcript_empty", None),
    (("csv", "file|start|end|text\n"), "transcript_empty", None),
]


@pytest.mark.parametrize(("told", "code", "line"), BAD)
def test_what_cannot_be_read_is_refused_at_once_with_its_line(
    mine: Client, sample: Sample, told: tuple[str, str], code: str, line: int | None
) -> None:
    put(mine, sample, {"format": "txt", "text": "As before."})
    answer = put(mine, sample, dict(zip(("format", "text"), told, strict=True)))
    assert problem_of(answer) == (422, code)
    assert answer.json().get("line") == line
    assert kept(sample) == {"format": "txt", "text": "As before."}


def test_a_table_of_other_recordings_is_refused_at_once(sample: Sample, mine: Client) -> None:
    others = CSV.replace("take 1", "wavs/other")
    answer = put(mine, sample, {"format": "csv", "text": others})
    assert problem_of(answer) == (422, "transcript_file_unknown")
    assert "other files than take 1.wav" in answer.json()["detail"]
    assert kept(sample) is None
    both = others + "wavs/take 1|2|3|Its own.\n"
    assert put(mine, sample, {"format": "csv", "text": both}).status_code == 200


BODIES: list[Any] = [
    b"",
    b"[]",
    {},
    {"format": "txt"},
    {"text": "Hello."},
    {"format": "doc", "text": "Hello."},
    {"format": "txt", "text": ""},
    {"format": "txt", "text": None},
    {"format": "txt", "text": ["Hello."]},
    {"format": "txt", "text": "a\0b"},
    {"format": "txt", "text": "a\ud800"},
    {"format": "txt", "text": "a" * 1_000_001},
    {"format": "txt", "text": "Hello.", "voice": "brand"},
]


@pytest.mark.parametrize("body", BODIES, ids=[str(body)[:40] for body in BODIES])
def test_a_body_that_is_none_is_refused(sample: Sample, mine: Client, body: Any) -> None:
    assert problem_of(put(mine, sample, body)) == (400, "invalid_request")
    assert kept(sample) is None


def test_who_may_not_write_voices_writes_no_transcript(sample: Sample, tenant: Tenant) -> None:
    reader = keyed(tenant, scopes=[one for one in Scope if one != Scope.VOICES_WRITE])
    body = {"format": "txt", "text": "Hello."}
    assert problem_of(put(reader, sample, body)) == (403, "scope_missing")
    assert problem_of(reader.delete(place(sample))) == (403, "scope_missing")


def test_another_tenants_sample_is_not_there(sample: Sample) -> None:
    stranger = keyed(make_tenant("other"))
    body = {"format": "txt", "text": "Hello."}
    assert problem_of(put(stranger, sample, body)) == (404, "voice_not_found")
    assert kept(sample) is None


def test_a_sample_of_another_voice_is_not_there(
    sample: Sample, tenant: Tenant, mine: Client
) -> None:
    other = own_voice(tenant, "other")
    body = {"format": "txt", "text": "Hello."}
    for sample_id in (sample.id, uuid.uuid4()):
        path = f"/api/v1/voices/{other.id}/samples/{sample_id}/transcript"
        answer = mine.put(path, body, content_type="application/json")
        assert problem_of(answer) == (404, "sample_not_found")


def test_a_voice_that_is_being_erased_takes_none(sample: Sample, mine: Client) -> None:
    begin_erasure(sample.voice, PLATFORM, None)
    answer = put(mine, sample, {"format": "txt", "text": "Hello."})
    assert problem_of(answer) == (404, "voice_not_found")
