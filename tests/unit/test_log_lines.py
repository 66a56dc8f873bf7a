"""Lines of the log: objects or words, whose work it was, and of an error what may be said."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any
from uuid import UUID

import pytest

from config.access import PLAIN
from config.logs import FIELDS, JsonLine, Line
from jobs.errors import IdempotencyConflictError
from tenants.about import about, begin, note, working_on
from tests.environment import child_environment
from voices.store import StoreDown

TEXT = "A text\nof a customer's"
JOB = UUID(int=7)


def record(message: object, *args: object, error: BaseException | None = None) -> Any:
    caught = (type(error), error, error.__traceback__) if error else None
    return logging.makeLogRecord(
        {"name": "tests", "levelname": "INFO", "msg": message, "args": args, "exc_info": caught}
    )


def told(message: object, *args: object, error: BaseException | None = None) -> dict[str, Any]:
    line = JsonLine().format(record(message, *args, error=error))
    assert "\n" not in line
    read: dict[str, Any] = json.loads(line)
    return read


def raised(error: Exception) -> Exception:
    try:
        raise error from KeyError(TEXT)
    except type(error) as caught:
        return caught


def test_a_line_names_the_work_at_hand_and_what_is_noted_in_it() -> None:
    begin({"request": "mine"})
    with working_on(job=JOB):
        note(tenant="acme")
        inside = told("done")
    outside = told("done")
    begin({})
    assert (inside["request"], inside["job"], inside["tenant"]) == ("mine", str(JOB), "acme")
    assert outside["request"] == "mine"
    assert not {"job", "tenant"} & set(outside)
    assert about() == {}


@pytest.mark.parametrize("error", [ValueError(TEXT), KeyError(TEXT), Exception(TEXT)])
def test_an_error_that_may_quote_says_its_type_and_where_it_was(error: Exception) -> None:
    line = told("%s went wrong: %s", 5, error, error=raised(error))
    assert line["message"] == f"5 went wrong: {type(error).__name__}"
    assert line["exception"]["type"] == f"builtins.{type(error).__name__}"
    assert line["exception"]["stack"][0].endswith(" raised")
    assert line["exception"]["cause"]["type"] == "builtins.KeyError"
    assert "customer" not in json.dumps(line)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "[Errno 111] Connection refused"),
        (StoreDown("no answer\nat all"), "no answer"),
        (IdempotencyConflictError(), "idempotency_conflict"),
    ],
)
def test_an_error_of_machines_is_quoted_and_one_of_ours_by_its_code(
    error: Exception, said: str
) -> None:
    assert told("%s", error)["message"] == f"{type(error).__name__}: {said}"
    assert told(error)["message"] == f"{type(error).__name__}: {said}"
    assert told("x", error=error)["exception"]["said"] == said


def test_a_message_is_its_first_line() -> None:
    assert told("Task exception\nfuture: <%s>", TEXT)["message"] == "Task exception"


def test_what_looks_like_a_key_is_cut_off() -> None:
    line = Line().format(record("who sent vm_0abc_secret-Part_1 and whsec_bGFiZWw= again?"))
    assert line.endswith("who sent vm_0abc_... and whsec_... again?")


def test_a_line_for_people_has_its_error_below() -> None:
    line = record("sent", error=raised(ValueError(TEXT)))
    setattr(line, FIELDS, {"status": 200})
    head, *below = Line().format(line).splitlines()
    assert head.endswith("Z INFO tests: sent status=200")
    assert [x.strip().split(":")[0] for x in below if not x.startswith("    ")] == [
        "builtins.ValueError",
        "builtins.KeyError",
    ]
    assert "customer" not in "".join(below)


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("/api/v1/jobs/0190b6a4-7e3a-7cc1-8000-000000000000", True),
        ("/static/unfold/fonts/inter/Inter-Bold.woff2", True),
        ("/A sentence", False),
        ("/ä", False),
        ("/a\nb", False),
        ("/" + 200 * "a", False),
    ],
)
def test_a_path_that_could_be_a_text_is_odd(path: str, plain: bool) -> None:
    assert bool(PLAIN.fullmatch(path)) == plain


UNCAUGHT = """
import django, threading, warnings
django.setup()
class Gone:
    def __del__(self): raise ValueError("of a customer's")
Gone()
warnings.warn("old")
def fail(): raise KeyError("of a customer's")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
fail()
"""


def test_errors_that_nobody_caught_are_lines_like_any_other() -> None:
    settings = {"LOG_FORMAT": "json", "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", UNCAUGHT],
        env=child_environment(**settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["message"].rpartition(": ")[2] for line in lines] == [
        "an error nobody could catch",
        "old",
        "a thread has ended",
        "the process ends",
    ]
    assert [line["logger"] for line in lines if "exception" not in line] == ["py.warnings"]
    assert "customer" not in done.stderr
    assert done.returncode == 1
