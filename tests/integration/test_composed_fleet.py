"""The commands of compose.yaml, run: a fleet that speaks, is watched, and tells Flower no text."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest
from redis import AuthenticationError, Redis

from fleet.processes import all_processes
from tests.deployment import image_of, services
from tests.integration.composed import (
    VALUES,
    WORKERS,
    Composed,
    composed_fleet,
    redis_of,
    servers_of,
)
from tests.live import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

CANARY = "Marzipan-Zeppelin"
PAGES = ["/", "/workers", "/workers?json=1", "/tasks", "/broker", "/worker/cpu@one"]
CALLS = ["/api/workers?refresh=1", "/api/tasks", "/api/task/types", "/api/queues/length"]
SCHEMA = ("python", "manage.py", "migrate", "--check")
OPEN = ["/metrics", "/healthcheck"]
PRODUCT = {"api", "dispatcher", "cpu", "media", "flower"}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    with composed_fleet(tmp_path_factory.mktemp("composed")) as running:
        yield running


def speak(fleet: Composed, text: str) -> httpx.Response:
    """The audio of a text that nobody asked for before."""
    with fleet.client() as client:
        prefer = {"Prefer": "wait=20"}
        job = client.post("/api/v1/jobs/synthesize", json={"text": text}, headers=prefer).json()
        assert job["state"] == "succeeded", job
        return client.get(f"/api/v1/jobs/{job['id']}/audio", follow_redirects=True)


def flower(fleet: Composed) -> httpx.Client:
    way_in = ("flower", VALUES["FLOWER_PASSWORD"])
    return httpx.Client(base_url=fleet.flower, auth=way_in, timeout=30)


def test_it_speaks_from_several_hosts_and_keeps_audio_in_the_object_store(fleet: Composed) -> None:
    audio = [speak(fleet, f"Sentence number {number}.") for number in range(6)]
    assert {one.status_code for one in audio} == {200}
    assert all(len(one.content) > 1000 for one in audio)
    assert len(list((fleet.folder / "data" / "voicemill").rglob("*.*"))) >= len(audio)


def test_workers_answer_their_health_check_until_they_die(fleet: Composed) -> None:
    check = image_of(services()["cpu"]).health
    quick = check.replace("$(hostname)", "three").replace("-t 10", "-t 3")
    worker = fleet.start("cpu", "three")
    wait_until(lambda: fleet.run("cpu", "sh", "-c", quick).returncode == 0, what="a first pong")
    worker.kill()
    worker.wait()
    assert fleet.run("cpu", "sh", "-c", quick).returncode != 0


@pytest.mark.parametrize("name", ["api", "flower"])
def test_what_serves_answers_its_health_check(fleet: Composed, name: str) -> None:
    port = {"api": "8000", "flower": "5555"}[name]
    check = image_of(services()[name]).health
    here = json.loads(check.replace(f":{port}/", f":{fleet.ports[port]}/"))
    nobody = json.loads(check.replace(f":{port}/", ":9/"))
    assert fleet.run(name, *here).returncode == 0
    assert fleet.run(name, *nobody).returncode != 0


def test_preparing_again_changes_nothing(fleet: Composed) -> None:
    with fleet.client() as client:
        assert client.get("/api/v1/jobs").status_code == 200
        done = fleet.run("prepare", "python", "-m", "deploy.prepare")
        assert done.returncode == 0, done.stderr
        assert client.get("/api/v1/jobs").status_code == 200
    assert "api_key" not in done.stdout
    assert "password" not in done.stdout


def test_pods_wait_for_their_schema_and_no_longer(fleet: Composed, tmp_path: Path) -> None:
    with servers_of(tmp_path) as bare:
        assert bare.run("cpu", *SCHEMA).returncode != 0
    for name in ("api", "cpu", "media", "dispatcher"):
        done = fleet.run(name, *SCHEMA)
        assert done.returncode == 0, done.stderr


def test_redis_keeps_its_log_evicts_nothing_and_wants_its_password(fleet: Composed) -> None:
    told = redis_of(fleet).config_get("*")
    wanted = {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
    }
    assert {name: told[name] for name in wanted} == wanted
    with pytest.raises(AuthenticationError):
        Redis(port=fleet.ports["6379"]).ping()


def test_the_store_wants_its_key(fleet: Composed) -> None:
    speak(fleet, "Something to be kept.")
    url = f"http://127.0.0.1:{fleet.ports['9000']}/voicemill"
    assert httpx.get(url).status_code in {400, 401, 403}


@pytest.mark.parametrize("path", [*PAGES, *CALLS])
def test_flower_lets_nobody_in_without_its_password(fleet: Composed, path: str) -> None:
    wrong = base64.b64encode(b"flower:guess").decode()
    for headers in ({}, {"Authorization": f"Basic {wrong}"}):
        assert httpx.get(f"{fleet.flower}{path}", headers=headers).status_code == 401


def test_flower_shows_workers_queues_and_tasks_and_no_text(fleet: Composed) -> None:
    with flower(fleet) as client:
        wait_until(lambda: set(client.get("/api/workers?refresh=1").json()) >= WORKERS)
        wait_until(lambda: online(client) >= WORKERS, what="heartbeats")
        wait_until(lambda: tells_of_a_task(fleet, client), what="tasks")
        queues = {one["name"] for one in client.get("/api/queues/length").json()["active_queues"]}
        assert {"cpu", "media"} <= queues
        tasks = client.get("/api/tasks").json()
        each = [path for name in tasks for path in (f"/task/{name}", f"/api/task/info/{name}")]
        told = [client.get(path) for path in (*PAGES, *CALLS, *OPEN, *each)]
    assert {answer.status_code for answer in told} == {200}
    everything = "".join(answer.text for answer in told)
    assert "synthesis_worker.synthesize" in everything
    for secret in (CANARY, fleet.token, VALUES["REDIS_PASSWORD"], VALUES["SECRET_KEY"]):
        assert secret not in everything


def tells_of_a_task(fleet: Composed, client: httpx.Client) -> bool:
    """Workers send events once Flower has asked for them: speak until it knows a whole task."""
    speak(fleet, f"Nobody but the customer shall read {CANARY}, {uuid4()}.")
    tasks = client.get("/api/tasks").json().values()
    return any(one["name"] and one["state"] == "SUCCESS" for one in tasks)


def online(client: httpx.Client) -> set[str]:
    rows = client.get("/workers?json=1").json()["data"]
    return {row["hostname"] for row in rows if row["status"]}


def test_flower_changes_nothing(fleet: Composed) -> None:
    with flower(fleet) as client:
        for call in ("worker/shutdown/cpu@one", "worker/queue/cancel-consumer/cpu@one?queue=cpu"):
            assert client.post(f"/api/{call}").status_code == 403
        apply = client.post("/api/task/send-task/synthesis_worker.synthesize", json={"args": ["x"]})
    assert apply.status_code == 403


def test_figures_of_flower_hold_no_text_and_need_no_password(fleet: Composed) -> None:
    """Which is why its port is on loopback alone, in compose and under `make run`."""
    for path in OPEN:
        answer = httpx.get(f"{fleet.flower}{path}")
        assert answer.status_code == 200
        assert CANARY not in answer.text


def test_passwords_stand_on_no_command_line(fleet: Composed) -> None:
    lines = [command_line(process.pid) for process in all_processes()]
    assert [line for line in lines if str(fleet.folder) in line]
    for name in ("REDIS_PASSWORD", "S3_SECRET_KEY", "FLOWER_PASSWORD"):
        assert not [line for line in lines if VALUES[name] in line], name


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:  # it has ended meanwhile
        return ""


def test_every_container_of_ours_writes_objects_alone(fleet: Composed) -> None:
    """Celery's banner and farewell among them would break whoever reads the logs."""
    fleet.start("cpu", "four").terminate()
    logs = [log for log in fleet.folder.glob("*-*.log") if log.name.split("-")[0] in PRODUCT]
    assert {log.name.split("-")[0] for log in logs} == PRODUCT
    for log in logs:
        for line in log.read_text().splitlines():
            assert json.loads(line)["level"], log.name
