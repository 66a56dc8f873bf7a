"""What real processes write: objects that say whose work it was, and no customer's text or key."""

from __future__ import annotations

import json
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from tests.integration import canaries
from tests.integration.canaries import CANARY, HIDDEN, RAISED, UNFINISHABLE, say
from tests.live import Stack, own_stack, wait_until
from tests.speech import JOBS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

OURS = ("api", "cpu", "dispatch")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LEFT = "the job is left to its lease"


@dataclass
class Told:
    """What the processes of a stack have written, and what must not be in it."""

    folder: Path
    jobs: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=lambda: {CANARY, CANARY.lower(), HIDDEN[4:]})
    answered: dict[str, int] = field(default_factory=dict)
    metrics: str = ""

    def text(self, *names: str) -> str:
        return "".join((self.folder / f"{name}.log").read_text() for name in names)

    def records(self, *names: str) -> list[dict[str, Any]]:
        """Every line of these processes. One that is not JSON fails here."""
        return [json.loads(line) for line in self.text(*(names or OURS)).splitlines()]

    def of(self, *names: str, **wanted: object) -> list[dict[str, Any]]:
        return [one for one in self.records(*names) if wanted.items() <= one.items()]


@pytest.fixture(scope="module", params=["INFO", "DEBUG"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A stack that has seen everything, and was stopped."""
    folder = tmp_path_factory.mktemp("logs")
    settings = {
        "LOG_FORMAT": "json",
        "LOG_LEVEL": request.param,
        "ENGINES": "espeak=tests.quoting_engine:QuotingEngine",
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "WEBHOOK_RETRY_SECONDS": "0.1,60",
        "MAX_FAILURES": "2",
        "ALLOWED_HOSTS": "127.0.0.1",
    }
    with own_stack(folder, **settings) as stack:
        set_traps(stack)
        told = Told(folder)
        see_everything(stack, told)
        for process in (stack.server.process, stack.worker, stack.dispatcher):
            process.send_signal(signal.SIGTERM)
            process.wait(40)
    return told


def set_traps(stack: Stack) -> None:
    connection = psycopg2.connect(stack.services.postgres.url)
    with connection, connection.cursor() as cursor:
        cursor.execute(canaries.TRAPS)
    connection.close()


def see_everything(stack: Stack, told: Told) -> None:
    told.secrets |= {stack.token, stack.token.split("_", 2)[2]}
    with stack.client() as client:
        canaries.ask_wrongly(client)
        canaries.ask_with_secrets_everywhere(client, stack.token)
        told.jobs, secrets = canaries.speak_and_be_told(client)
        told.secrets |= secrets
        canaries.trip_the_ledger(client)
        told.jobs["unfinished"] = say(client, f"{CANARY} {UNFINISHABLE}").json()["id"]
        wait_until(lambda: bool(told.of("cpu", job=told.jobs["unfinished"], message=LEFT)))
        tries = {"logger": "jobs.webhooks.postman", "job": told.jobs["good"]}
        wait_until(lambda: len(told.of("dispatch", **tries)) >= 4, what="two tries of two webhooks")
        told.metrics = client.get("/metrics").text
    told.answered = ask_together(stack)


def ask_together(stack: Stack) -> dict[str, int]:
    """The status of each of many requests that the intake takes at one time, by its id."""

    def ask(number: int) -> tuple[str, int]:
        name, kind = f"together-{number}", number % 4
        text = f"{CANARY} {RAISED}" if kind == 0 else f"{CANARY} {number}"
        bad = {"Authorization": f"Bearer {HIDDEN}"} if kind == 1 else {}
        more = {"voice": CANARY} if kind == 2 else {}
        with stack.client() as client:
            answer = say(client, text, headers={"X-Request-ID": name} | bad, **more)
        assert answer.headers["X-Request-ID"] == name
        return name, answer.status_code

    with ThreadPoolExecutor(16) as pool:
        return dict(pool.map(ask, range(64)))


def test_every_line_is_an_object_and_says_when_who_and_what(told: Told) -> None:
    for name in OURS:
        assert [x for x in told.records(name) if x["level"] == "INFO"], name
    for one in told.records():
        assert set(one) >= {"time", "level", "logger", "message", "process"}
        assert TIME.fullmatch(one["time"])


def test_no_process_writes_a_text_or_a_key(told: Told) -> None:
    everything = told.text(*OURS, "postgres", "redis") + told.metrics
    assert sorted(secret for secret in told.secrets if secret in everything) == []


def test_what_the_ledger_refused_is_told_without_its_rows(told: Told) -> None:
    failures = [x["exception"] for x in told.records("api") if "exception" in x]
    said = [x.get("said", "") for x in failures]
    assert said.count("23514 jobs_job no_rows") >= 2  # from the intake, and from a view
    assert said.count("22000") >= 2
    assert all(x["stack"] and x["cause"]["type"].startswith("psycopg2.") for x in failures)


def test_an_engine_that_failed_is_told_without_the_text_it_quoted(told: Told) -> None:
    errors = [x["exception"] for x in told.of("cpu", job=told.jobs["hard"]) if "exception" in x]
    assert {error["type"] for error in errors} == {"builtins.ValueError"}
    assert "quoting_engine.py" in errors[0]["stack"][-1]
    assert not [error for error in errors if "said" in error]


def test_celery_hears_of_no_error_which_it_would_tell_flower(told: Told) -> None:
    left = told.of("cpu", job=told.jobs["unfinished"], message=LEFT)
    assert {x["exception"]["said"] for x in left} == {"23514 jobs_job no_end"}
    assert not [x for x in told.records("cpu") if "raised" in x["message"]]


def test_a_job_can_be_followed_from_its_request_to_its_webhook(told: Told) -> None:
    lines = told.of(job=told.jobs["good"])
    assert {x["logger"] for x in lines} >= {
        "config.access",
        "jobs.answering",
        "jobs.webhooks.postman",
    }
    assert len({x["process"] for x in lines}) == 3
    assert len({x["tenant"] for x in lines}) == 1
    assert len({x["delivery"] for x in lines if "delivery" in x}) == 2
    (asked,) = [x for x in lines if x["logger"] == "config.access"]
    assert (asked["method"], asked["path"]) == ("POST", "/api/v1/jobs/synthesize")


def test_requests_that_are_accepted_together_are_told_apart(told: Told) -> None:
    assert {*told.answered.values()} == {202, 401, 404, 500}
    lines = told.of("api", logger="config.access")
    for name, status in told.answered.items():
        (line,) = [x for x in lines if x["request"] == name]
        assert line["status"] == status
        assert ("tenant" in line) == (status != 401)
        assert ("job" in line) == (status == 202)
    broken = {name for name, status in told.answered.items() if status == 500}
    failed = {x["request"] for x in told.of("api", message="a synthesis request failed")}
    assert broken <= failed
    assert not failed & (set(told.answered) - broken)


def test_queries_are_not_written_and_no_path_that_could_be_a_text(told: Told) -> None:
    paths = {x["path"] for x in told.of("api", logger="config.access")}
    assert {"(odd)", JOBS, "/admin/login/"} <= paths
    assert not [path for path in paths if set(path) & set("? %=")]


def test_probes_that_pass_have_no_line(told: Told) -> None:
    paths = {x["path"] for x in told.of("api", logger="config.access")}
    assert not paths & {"/healthz", "/readyz", "/metrics"}
