"""Audio over HTTP: ranges, entity tags, safe names and links, from a folder and from S3."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from jobs.models import Job
from tenants.services import issue_key
from tests.environment import FOLDER
from tests.places import DATA, SHA256, Place, audio_at, done_job
from tests.speech import JOBS, keyed, problem_of
from voices.store import audio_name
from voices.store.folder import FolderStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings

    from tenants.models import Tenant
    from tests.live import Server

pytestmark = pytest.mark.django_db(transaction=True)

SIZE = len(DATA)


@pytest.fixture(scope="module")
def folder_place(server: Server) -> Place:
    return Place(server, FolderStore(FOLDER / "audio", secret="x", base_url=server.url))


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, db: None) -> Place:
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found


@pytest.fixture
def client(place: Place, tenant: Tenant) -> Iterator[httpx.Client]:
    token = issue_key(tenant=tenant, name="tests").token
    with place.server.client(token) as one:
        yield one


def test_the_whole_file_comes_with_its_length_type_tag_and_name(
    place: Place, client: httpx.Client, tenant: Tenant
) -> None:
    address = audio_at(place, tenant, kind="flac")
    answer = client.get(address)
    assert (answer.status_code, answer.content) == (200, DATA)
    job_id = address.split("/")[-2]
    assert {name: answer.headers.get(name) for name in ("content-length", "content-type")} == {
        "content-length": str(SIZE),
        "content-type": "audio/flac",
    }
    assert answer.headers["ETag"] == f'"{SHA256}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert f'filename="tester-{job_id[:13]}.flac"' in answer.headers["Content-Disposition"]
    assert not [name for name in answer.headers if "voicemill" in name]


RANGES = [
    ("bytes=0-99", 0, 99),
    ("bytes=1000-400000", 1000, 400_000),
    (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
    ("bytes=-500", SIZE - 500, SIZE - 1),
    ("bytes=5-99999999", 5, SIZE - 1),
]


def test_a_range_is_exactly_that_part(place: Place, client: httpx.Client, tenant: Tenant) -> None:
    address = audio_at(place, tenant)
    for asked, first, last in RANGES:
        answer = client.get(address, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (206, DATA[first : last + 1]), asked
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
        assert answer.headers["Content-Length"] == str(last - first + 1)


def test_a_range_past_the_end_says_how_long_the_file_is(
    place: Place, client: httpx.Client, tenant: Tenant
) -> None:
    answer = client.get(audio_at(place, tenant), headers={"Range": f"bytes={SIZE}-"})
    assert problem_of(answer) == (416, "range_unsatisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


def test_a_range_of_another_version_is_the_whole_file(
    place: Place, client: httpx.Client, tenant: Tenant
) -> None:
    address, ranged = audio_at(place, tenant), {"Range": "bytes=0-9"}
    same = client.get(address, headers=ranged | {"If-Range": f'"{SHA256}"'})
    other = client.get(address, headers=ranged | {"If-Range": '"another"'})
    assert (same.status_code, len(same.content)) == (206, 10)
    assert (other.status_code, other.content) == (200, DATA)


def test_who_has_it_already_is_sent_nothing(
    place: Place, client: httpx.Client, tenant: Tenant
) -> None:
    address = audio_at(place, tenant)
    for tag in (f'"{SHA256}"', f'"a", "{SHA256}"', f'W/"a", "{SHA256}"'):
        answer = client.get(address, headers={"If-None-Match": tag})
        assert (answer.status_code, answer.content) == (304, b""), tag
        assert answer.headers["ETag"] == f'"{SHA256}"'


def test_head_tells_everything_and_sends_nothing(
    place: Place, client: httpx.Client, tenant: Tenant
) -> None:
    answer = client.head(audio_at(place, tenant))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(SIZE)
    assert client.get("/healthz").status_code == 200  # the connection is still good


NAMES = [
    ('x"; filename="evil.exe', "evil.exe"),
    ("../../etc/passwd", "etc passwd"),
    ("line\r\nSet-Cookie: a=b", "Set-Cookie"),
    ("Zürich", "Zurich"),
    ("声", "UTF-8''%E5%A3%B0"),
]


def test_an_odd_name_of_a_voice_is_safe_in_the_header(
    place: Place, client: httpx.Client, tenant: Tenant
) -> None:
    for voice, shown in NAMES:
        answer = client.get(audio_at(place, tenant, voice=voice))
        header = answer.headers["Content-Disposition"]
        assert answer.content == DATA
        assert "set-cookie" not in answer.headers
        assert header.count('"') == 2
        assert shown in header
        assert not {"/", "\\", "\n", "\r"} & set(header)


def test_a_file_the_store_has_lost_is_410(
    place: Place, client: httpx.Client, tenant: Tenant
) -> None:
    address = audio_at(place, tenant)
    place.store.delete(audio_name(tenant.id, SHA256, "wav"))
    assert problem_of(client.get(address)) == (410, "audio_lost")


def test_a_link_serves_the_file_to_somebody_without_a_key(
    place: Place, client: httpx.Client, tenant: Tenant
) -> None:
    told = client.get(audio_at(place, tenant) + "/link").json()
    left = datetime.fromisoformat(told["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=280) < left <= timedelta(seconds=300)
    answer = httpx.get(told["url"])
    assert (answer.status_code, answer.content) == (200, DATA)
    assert "tester-" in answer.headers["Content-Disposition"]
    assert answer.headers["Content-Type"] == "audio/wav"
    part = httpx.get(told["url"], headers={"Range": "bytes=10-19"})
    assert (part.is_success, part.content) == (True, DATA[10:20])


def test_a_link_that_was_altered_opens_nothing(
    place: Place, client: httpx.Client, tenant: Tenant
) -> None:
    url = client.get(audio_at(place, tenant) + "/link").json()["url"]
    other = url.replace(SHA256[:2] + "/" + SHA256, "00/" + "0" * 64)
    assert other != url
    unsigned = urlsplit(url)._replace(query="").geturl()
    for altered in (url[:-1] + ("0" if url[-1] != "0" else "1"), other, unsigned):
        assert httpx.get(altered).status_code in {400, 403}


def test_a_link_of_the_folder_ends_and_says_so_to_nobody_who_altered_it(
    folder_place: Place, tenant: Tenant, settings: Settings
) -> None:
    audio_at(folder_place, tenant)
    url = f"{folder_place.server.url}/files"
    store = FolderStore(FOLDER / "audio", secret=settings.SECRET_KEY, base_url=url)
    name = audio_name(tenant.id, SHA256, "wav")
    link = store.link(name, seconds=1, file_name="a.wav", media_type="audio/wav")
    assert httpx.get(link).content == DATA
    time.sleep(2.1)
    assert problem_of(httpx.get(link)) == (410, "link_expired")
    assert problem_of(httpx.get(link[:-4] + "0000")) == (403, "link_invalid")
    assert problem_of(httpx.get(f"{url}/nothing")) == (403, "link_invalid")


def test_audio_that_was_kept_for_its_time_is_410(tenant: Tenant) -> None:
    job_id = done_job(tenant, expired=True)
    client = keyed(tenant)
    assert problem_of(client.get(f"{JOBS}/{job_id}/audio")) == (410, "audio_expired")
    assert problem_of(client.get(f"{JOBS}/{job_id}/audio/link")) == (410, "audio_expired")


def test_a_job_without_audio_has_none_to_give(tenant: Tenant) -> None:
    job_id = done_job(tenant)
    Job.objects.update(state="failed", result=None)
    client = keyed(tenant)
    for address in (f"{JOBS}/{job_id}/audio", f"{JOBS}/{job_id}/audio/link"):
        assert problem_of(client.get(address)) == (409, "audio_not_ready")
