"""Samples the whole way: a live API, the dispatcher and media workers; killed, cut off, without a
store or a broker."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from jobs.models import Job, Usage
from synthesis_worker.audio import resample
from synthesis_worker.contract import Waveform
from synthesis_worker.samples import LONGEST, PREFIX, clear_leftovers
from tenants.services import issue_key
from tests.environment import FOLDER, child_environment
from tests.hostile_audio import hostile_files
from tests.ledger import charges, events, eventually
from tests.live import QUIET, ROOT, live_server, python
from tests.places import Place, s3_settings
from tests.recordings import own_voice, recording, samples_at
from tests.sound_files import pcm_file, speech
from tests.speech import problem_of
from voices.models import Sample
from voices.samples.deciding import names_of
from voices.store import audio_name, upload_name
from voices.store.folder import FolderStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from tenants.models import Tenant
    from tests.live import Server
    from voices.models import Voice

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

KINDS = 25


@pytest.fixture
def voice(tenant: Tenant) -> Voice:
    return own_voice(tenant)


@contextmanager
def media_process(folder: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A media worker in a process of its own."""
    environment = child_environment(WORKER_MODULES="synthesis_worker.tasks", ENGINES="", **more)
    words = ("-m", "celery", "-A", "config", "worker", "-Q", "media", "-P", "solo", *QUIET)
    name = f"media-{random.randrange(10**9)}@here"
    with python(*words, "-n", name, log=folder / "media.log", environment=environment) as process:
        yield process


@pytest.fixture
def media_worker(dispatcher: None, tmp_path: Path) -> Iterator[None]:
    with media_process(tmp_path):
        yield


def send(client: httpx.Client, voice: Voice, *files: tuple[str, bytes]) -> httpx.Response:
    parts = [("file", (name, data, "application/octet-stream")) for name, data in files]
    return client.post(samples_at(voice), files=parts)


def verdicts(client: httpx.Client, voice: Voice, seconds: float = 120) -> list[dict[str, Any]]:
    """The samples, once each has one."""

    def settled() -> list[dict[str, Any]] | None:
        answer = client.get(samples_at(voice))
        assert answer.status_code == 200, answer.text
        samples: list[dict[str, Any]] = answer.json()["samples"]
        return None if any(one["state"] == "probing" for one in samples) else samples

    return eventually(settled, seconds, 0.1)


def ten_minutes() -> bytes:
    """Somebody reads for ten minutes."""
    spoken = resample(speech(), 12_000)
    times = 600 * spoken.sample_rate // len(spoken.samples) + 1
    tiled = np.tile(spoken.samples, times)[: 600 * spoken.sample_rate]
    return pcm_file(Waveform(tiled, spoken.sample_rate), "FLAC")


def test_hostile_files_of_every_kind_get_a_verdict_and_break_nothing(
    live: httpx.Client, voice: Voice, media_worker: None
) -> None:
    files = random.Random(4).sample(list(hostile_files()), KINDS)
    for name, data in files:
        answer = send(live, voice, (name, data))
        assert answer.status_code in {200, 202, 413}, (name, answer.text)
    samples = verdicts(live, voice)
    assert len(samples) >= KINDS - 2
    print(sorted((sample["name"], sample["state"]) for sample in samples))
    for sample in samples:
        assert sample["state"] in {"accepted", "warned", "rejected"}
        assert sample["reasons"] or sample["state"] == "accepted", sample
        heard = live.get(f"{samples_at(voice)}/{sample['id']}/audio")
        assert heard.status_code == (200 if sample["sha256"] else 409)
    assert not Job.objects.exclude(state="succeeded").exists()
    assert live.get("/healthz").status_code == 200


def test_a_recording_of_ten_minutes_is_examined_as_a_job_with_progress(
    live: httpx.Client, voice: Voice, media_worker: None
) -> None:
    data = ten_minutes()
    assert len(data) < 10 * 2**20
    began = time.monotonic()
    assert send(live, voice, ("reading.flac", data)).status_code == 202
    [sample] = verdicts(live, voice)
    print(f"{len(data)} bytes, {time.monotonic() - began:.1f} s")
    assert sample["seconds"] == pytest.approx(600, abs=1)
    told = [name for _, name in events(sample["job_id"])]
    assert told.count("job.progress") >= 1
    assert told[-1] == "job.succeeded"


def test_a_worker_killed_in_the_middle_of_a_probe_loses_nothing(
    live: httpx.Client, voice: Voice, dispatcher: None, tmp_path: Path
) -> None:
    send(live, voice, ("reading.flac", ten_minutes()))
    job = Job.objects.get()
    with media_process(tmp_path) as doomed:
        eventually(Job.objects.filter(state="running", progress__gt=0).first, 60)
        doomed.kill()
        doomed.wait()
        assert Sample.objects.get().state == "probing"
    with media_process(tmp_path):
        [sample] = verdicts(live, voice)
    job.refresh_from_db()
    assert (sample["state"] != "rejected", job.state, job.attempt) == (True, "succeeded", 2)
    told = [name for _, name in events(job.id)]
    assert (told.count("job.succeeded"), charges(job.id), Usage.objects.count()) == (1, 0, 0)


def test_what_a_killed_worker_left_on_the_disk_goes_with_a_later_probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    old, fresh, foreign = (tmp_path / name for name in (f"{PREFIX}a", f"{PREFIX}b", "other"))
    for folder in (old, fresh, foreign):
        folder.mkdir()
        (folder / "upload").write_bytes(b"somebody")
    for folder in (old, foreign):
        os.utime(folder, (time.time() - LONGEST - 1,) * 2)
    clear_leftovers()
    assert sorted(tmp_path.iterdir()) == sorted([fresh, foreign])


def test_without_a_broker_samples_are_taken_and_examined_when_it_is_back(
    tenant: Tenant, voice: Voice, live: httpx.Client, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    environment = child_environment(REDIS_URL="unix:///nowhere/redis.sock?db=0")
    token = issue_key(tenant=tenant, name="lonely").token
    with live_server(tmp_path, environment) as lonely, lonely.client(token) as client:
        answer = send(client, voice, ("take.wav", recording(2.0)))
        assert answer.status_code == 202, answer.text
        assert client.get(samples_at(voice)).json()["samples"][0]["state"] == "probing"
    request.getfixturevalue("media_worker")
    assert verdicts(live, voice)[0]["sha256"]


def test_an_api_that_is_killed_while_it_is_sent_a_file_has_taken_nothing(
    tenant: Tenant, voice: Voice, live: httpx.Client, tmp_path: Path
) -> None:
    token = issue_key(tenant=tenant, name="cut").token
    with (
        live_server(tmp_path, child_environment()) as doomed,
        socket.create_connection(("127.0.0.1", doomed.port)) as line,
    ):
        line.sendall(_half_of_a_request(voice, token))
        doomed.process.kill()
        doomed.process.wait()
    assert not Sample.objects.exists()
    assert not Job.objects.exists()
    assert send(live, voice, ("take.wav", recording(2.0))).status_code == 202


def _half_of_a_request(voice: Voice, token: str) -> bytes:
    head = (
        f"POST {samples_at(voice)} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    )
    return head.encode() + recording(2.0)


@pytest.mark.parametrize("charset", ["nonsense", "idna", "rot13", "utf-7"])
def test_a_charset_is_no_trap(live: httpx.Client, voice: Voice, charset: str) -> None:
    disposition = 'Content-Disposition: form-data; name="file"; filename="a.wav"'
    body = f"--b\r\n{disposition}\r\n\r\nx\r\n--b--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary=b; charset={charset}"}
    answer = live.post(samples_at(voice), content=body, headers=headers)
    assert answer.status_code == 202, answer.text


def test_a_store_that_is_down_takes_nothing_and_a_probe_waits_for_it(
    s3_place: Place, tenant: Tenant, voice: Voice, dispatcher: None, tmp_path: Path
) -> None:
    assert s3_place.storage is not None
    token = issue_key(tenant=tenant, name="tests").token
    with s3_place.server.client(token) as client:
        assert send(client, voice, ("a.wav", recording(2.0))).status_code == 202
        s3_place.storage.kill()
        refused = send(client, voice, ("b.wav", recording(3.0)))
        assert problem_of(refused) == (503, "store_down")
        assert Sample.objects.count() == 1
        with media_process(tmp_path, **s3_settings(s3_place.storage)):
            eventually(Job.objects.filter(state="running").first, 60)
            s3_place.storage.start()
            [sample] = verdicts(client, voice)
        assert (sample["state"] != "rejected", Job.objects.get().attempt) == (True, 1)


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, server: Server) -> Place:
    if request.param == "s3":
        found: Place = request.getfixturevalue("s3_place")
        return found
    return Place(server, FolderStore(FOLDER / "audio", secret="x", base_url=server.url))


def test_a_sweep_keeps_what_samples_name_and_takes_the_rest(
    place: Place, tenant: Tenant, voice: Voice, dispatcher: None, tmp_path: Path
) -> None:
    more = s3_settings(place.storage) if place.storage else {}
    token = issue_key(tenant=tenant, name="tests").token
    with place.server.client(token) as client:
        send(client, voice, ("keep.wav", recording(2.0)), ("drop.wav", recording(3.0)))
        with media_process(tmp_path, **more):
            verdicts(client, voice)
        kept, dropped = Sample.objects.order_by("original_bytes")
        client.get(samples_at(voice))
    Sample.objects.filter(id=dropped.id).update(original_kept=False)
    orphans = [upload_name(tenant.id, "ab" * 32), audio_name(tenant.id, "cd" * 32, "wav")]
    for name in orphans:
        place.store.put(name, b"nobody's", media_type="application/octet-stream")
    sweep(ORPHAN_HOURS="0", **more)
    there = {stored.name for stored in place.store.names(f"{tenant.id}/")}
    assert there == {*names_of(kept), names_of(dropped)[1]}


def sweep(**more: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "sweep"],
        cwd=ROOT,
        env=child_environment(**more),
        check=True,
        timeout=120,
    )
