"""compose.yaml and the images say what the supervisor runs, and keep the house's promises."""

from __future__ import annotations

import re
import socket
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from config.queues import QUEUES
from fleet import run
from fleet.flower import Flower
from fleet.install import alone_files, requirement_files
from fleet.services import Services
from tests.deployment import (
    CARDS,
    OURS,
    ROOT,
    command_of,
    compose,
    environment_of,
    example,
    image_of,
    images,
    services,
    to_fill_in,
    variables,
)
from tests.unit.test_configuration import settings_read

if TYPE_CHECKING:
    from pathlib import Path

    from fleet.program import Program

SETTINGS = {setting.name for setting in settings_read()}
SECRETS = re.compile(r"PASSWORD|SECRET|ACCESS_KEY")
WATCHING = {"prometheus", "grafana"}
OF_A_CARD = ("WORKER_MODULES", "ENGINES", "DEVICE", "MODELS_DIR")
OWN = {"gpu-xtts": "ARTIFACT_MEMORY_MB", "gpu-train": "DRAIN_SECONDS"}  # what it needs more of
CELERY_ENDS = 5  # config/celery.py: seconds after DRAIN_SECONDS


def programs() -> dict[str, Program]:
    """What `make run` starts of the product, by name, with no environment but its own."""
    with socket.socket() as listener:
        product = run.product(ROOT, {}, listener, "")
    flower = Flower(5555, "secret").program(ROOT, {})
    return {program.name: program for program in (*product, flower)}


def anywhere(command: tuple[str, ...] | list[str]) -> list[str]:
    """A command without the interpreter's path, the machine's addresses and its number of cores."""
    words = ["python" if word == sys.executable else word for word in command]
    line = " ".join(words).removeprefix("nice -n 10 ")
    line = re.sub(r"--fd \d+|--host 0\.0\.0\.0 --port 8000", "LISTEN", line)
    line = re.sub(r"--address=\S+ --port=\d+", "LISTEN", line)
    return re.sub(r"-P threads -c \d+", "-P threads -c CORES", line).split()


@pytest.mark.parametrize("name", ["api", "dispatcher", "cpu", "media", "flower"])
def test_a_container_runs_what_the_supervisor_runs(name: str) -> None:
    program, service = programs()[name], services()[name]
    assert anywhere(command_of(service)) == anywhere(program.command)
    told = environment_of(service)
    own = {key: value for key, value in (program.environment or {}).items() if not private(key)}
    assert {key: told.get(key) for key in own} == own


@pytest.mark.parametrize("name", sorted(CARDS))
def test_a_worker_with_a_card_is_a_cpu_worker_at_another_queue(name: str) -> None:
    """One card each, for the engine whose queue it serves; it reads its models and no more."""
    service, queue = services()[name], name.replace("gpu-", "gpu.")
    cpu = " ".join(anywhere(command_of(services()["cpu"])))
    ours = cpu.replace("-Q cpu", f"-Q {queue}").replace("-n cpu@", f"-n {name}@")
    assert " ".join(anywhere(command_of(service))) == ours
    assert anywhere(image_of(service).command) == anywhere(command_of(service))
    assert f'-d "{name}@$(hostname)"' in image_of(service).health
    assert service["profiles"] == (["train"] if name == "gpu-train" else ["gpu"])
    assert service["volumes"][0] == "models:/models:ro"
    (card,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert card == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}


@pytest.mark.parametrize("name", sorted(CARDS))
def test_an_image_for_a_card_names_an_engine_and_tasks_that_exist(name: str) -> None:
    told = images()[name].environment
    assert QUEUES[name.replace("gpu-", "gpu.")] == told["WORKER_MODULES"].partition(".")[0]
    for entry in told["ENGINES"].split(","):
        engine, _, where = entry.partition("=")
        module, _, function = where.partition(":")
        assert engine
        assert callable(getattr(import_module(module), function))
    assert find_spec(told["WORKER_MODULES"]) is not None
    assert (told["DEVICE"], told["MODELS_DIR"]) == ("cuda", "/models")


def test_a_trainings_files_lie_on_a_disk_and_not_in_memory() -> None:
    [*_, place] = services()["gpu-train"]["volumes"]
    assert place == f"training:{images()['gpu-train'].environment['TRAINING_DIR']}"


@pytest.mark.parametrize("name", sorted(CARDS))
def test_what_env_says_of_other_workers_is_not_for_a_card_s(name: str) -> None:
    """A service's own environment goes before its env_file, and the image's own behind both."""
    told, service = images()[name].environment, services()[name]
    assert service["env_file"] == ".env"
    for setting in OF_A_CARD:
        assert service["environment"][setting] == told[setting], setting


def test_a_worker_that_speaks_what_xtts_was_taught_has_memory_for_two_of_it() -> None:
    told = environment_of(services()["gpu-xtts"])
    assert int(told["ARTIFACT_MEMORY_MB"]) > 2 * 900 > int(example()["ARTIFACT_MEMORY_MB"])


def test_one_xtts_worker_takes_as_many_jobs_as_its_batch_has_slots() -> None:
    slots = example()["BATCH_SLOTS"]
    given = command_of(services()["gpu-xtts"])
    assert given[given.index("-c") + 1] == slots
    given = command_of(services()["gpu-xtts"], {"BATCH_SLOTS": "16"})
    assert given[given.index("-c") + 1] == "16"


def private(name: str) -> bool:
    return name in {"FLOWER_BASIC_AUTH", "FLOWER_CONF"}


def test_redis_keeps_what_the_embedded_redis_keeps(tmp_path: Path) -> None:
    ours = Services.under(tmp_path, tmp_path).redis.program().command
    theirs = command_of(services()["redis"])[-1]
    for name in ("--appendonly", "--appendfsync", "--maxmemory-policy"):
        assert f"{name} {ours[ours.index(name) + 1]}" in theirs
    assert '--save ""' in theirs


def test_every_image_has_a_service_and_what_it_installs_exists() -> None:
    targets = {service["build"]["target"] for service in services().values() if "build" in service}
    assert targets == OURS
    for name in targets:
        found = images()[name].requirements
        assert found, name
        for file in found:
            for included in requirement_files(ROOT / file):
                assert pinned(included), included
            alone = {str(one.relative_to(ROOT)) for one in alone_files(ROOT / file)}
            assert alone <= set(found), name


def pinned(requirements: Path) -> bool:
    lines = requirements.read_text(encoding="utf-8").splitlines()
    return all(line.startswith(("#", "-r ")) or "==" in line for line in lines if line)


def test_nothing_runs_as_root_and_nothing_may_become_it() -> None:
    for name, service in services().items():
        user = str(service.get("user") or image_of(service).user)
        assert user.partition(":")[0] not in {"", "0", "root"}, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    for name in OURS:
        assert images()[name].user == "10001:10001", name


def test_only_loopback_hears_from_outside() -> None:
    for name, service in services().items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name
    assert "ports" not in services()["postgres"]
    assert "ports" not in services()["redis"]
    assert compose()["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "redis", "cpu", "media", *CARDS):
        assert services()[name]["networks"] == ["inside"], name


def test_no_proxy_is_shipped_and_none_is_believed() -> None:
    """Whoever sets one up before the API says in .env where it comes from."""
    assert "FORWARDED_ALLOW_IPS" not in environment_of(services()["api"])
    assert services()["api"]["env_file"] == ".env"
    assert not {"--forwarded-allow-ips", "--no-proxy-headers"} & set(images()["api"].command)


def test_who_watches_is_started_by_name_alone_and_given_no_secret() -> None:
    assert {name for name, one in services().items() if "profiles" in one} == WATCHING | CARDS
    for name in WATCHING:
        service = services()[name]
        assert service["profiles"] == ["watch"], name
        assert "env_file" not in service, name
        assert not SECRETS.search(" ".join(environment_of(service))), name
        for volume in service["volumes"]:
            place = volume.partition(":")[0]
            assert not place.startswith("./") or (ROOT / place).exists(), place


def test_no_password_has_a_default() -> None:
    secret = {name for name in variables() if SECRETS.search(name) or name == "SECRET_KEY"}
    assert len(secret) == 6
    for name in secret:
        assert variables()[name][0] == "?", name
        assert example()[name] == "", name
    assert to_fill_in() == secret


def test_every_name_that_containers_are_given_is_known() -> None:
    flower = {"FLOWER_BASIC_AUTH", "FLOWER_ENABLE_EVENTS", "FLOWER_READ_ONLY"}
    python = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "DJANGO_SETTINGS_MODULE"}
    others = {"FLOWER_UNAUTHENTICATED_API", "RCLONE_AUTH_KEY", "RCLONE_CONFIG", "REDISCLI_AUTH"}
    grafana = set(environment_of(services()["grafana"]))
    assert all(name.startswith("GF_") for name in grafana)
    servers = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "REDIS_PASSWORD"}
    for name, service in services().items():
        known = SETTINGS | flower | python | others | servers | grafana
        unknown = set(environment_of(service)) - known
        assert not unknown, name


def test_every_service_is_watched_bounded_and_brought_back() -> None:
    for name, service in services().items():
        assert service["restart"] == ("on-failure" if name == "prepare" else "unless-stopped"), name
        assert service["mem_limit"], name
        assert service["cpus"], name
        watched = image_of(service).health or service.get("healthcheck", {}).get("test")
        unwatched = service.get("healthcheck", {}).get("disable", False)
        assert bool(watched), name
        assert unwatched == (name in {"prepare", "dispatcher"}), name


def test_a_worker_is_given_the_time_it_takes_to_drain() -> None:
    """A training's state is large: its worker has a patience of its own."""
    for name in ("cpu", "media", *CARDS):
        own = environment_of(services()[name]).get("DRAIN_SECONDS")
        assert bool(own) == (name == "gpu-train")
        drain = int(own or example()["DRAIN_SECONDS"])
        seconds = int(services()[name]["stop_grace_period"].removesuffix("s"))
        assert drain + CELERY_ENDS <= seconds <= drain + 2 * CELERY_ENDS, name


def test_flower_is_given_the_broker_alone() -> None:
    told = environment_of(services()["flower"], {"POSTGRES_PASSWORD": "one", "SECRET_KEY": "two"})
    assert services()["flower"]["env_file"] == []
    assert not {"S3_ACCESS_KEY", "S3_SECRET_KEY"} & set(told)
    assert not [value for value in told.values() if "one" in value or "two" in value]
    assert told["FLOWER_READ_ONLY"] == "true"


def test_no_image_holds_more_than_it_was_allowed_to() -> None:
    """The context is a list of what may go in, and no secret or data of a clone is on it."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert wanted[0] == "*"
    allowed = {line[1:] for line in wanted if line.startswith("!")}
    assert not allowed & {".env", ".git", "var", ".venv", "tests", "deploy", "fleet"}
    assert all((ROOT / name).exists() for name in allowed)
    for name, stage in images().items():
        assert not [line for line in stage.lines if line.startswith("ARG")], (
            name
        )  # no secret's way in
