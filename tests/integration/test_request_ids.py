"""Each answer carries the request's id: the client's, where it is one, else one made here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.speech import BULK, JOBS, SYNTHESIZE

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.django_db(transaction=True)

MADE = re.compile(r"[0-9a-f]{32}")
NOBODY = f"{JOBS}/00000000-0000-7000-8000-000000000000"
ANSWERS = [
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/metrics", 200),
    ("GET", JOBS, 200),
    ("HEAD", JOBS, 200),
    ("OPTIONS", JOBS, 405),
    ("GET", NOBODY, 404),
    ("GET", f"{NOBODY}?wait=1", 404),
    ("GET", f"{NOBODY}/events", 404),
    ("GET", f"{NOBODY}/audio", 404),
    ("GET", "/nowhere", 404),
    ("GET", "/files/none?signature=none", 403),
    ("GET", "/admin/login/", 200),
    ("GET", "/static/voicemill/admin.css", 200),
    ("GET", "/api/schema", 200),
    ("DELETE", JOBS, 405),
    ("POST", SYNTHESIZE, 400),
    ("POST", BULK, 400),
]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_answer_carries_the_clients_id_or_a_new_one(
    method: str, path: str, status: int, live: httpx.Client
) -> None:
    answer = live.request(method, path, headers={"X-Request-ID": "order.4711_a-Z"})
    assert answer.status_code == status
    assert answer.headers.get_list("X-Request-ID") == ["order.4711_a-Z"]
    made = {live.request(method, path).headers["X-Request-ID"] for _ in range(2)}
    assert len(made) == 2
    assert all(MADE.fullmatch(one) for one in made)


def test_an_event_stream_carries_it_too(live: httpx.Client) -> None:
    with live.stream("GET", "/api/v1/events", headers={"X-Request-ID": "mine"}) as answer:
        assert (answer.status_code, answer.headers["X-Request-ID"]) == (200, "mine")


def test_a_request_that_is_refused_before_its_body_came_has_one(live: httpx.Client) -> None:
    named = {"X-Request-ID": "mine"}
    answer = live.post(SYNTHESIZE, content=b"x" * 13_000_000, headers=named)
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (413, "mine")


@pytest.mark.parametrize("odd", ["", "a b", "x" * 129, "näh", "a/b", "a\tb", "<b>", "vm_a_key"])
def test_what_is_no_id_is_replaced(odd: str, live: httpx.Client) -> None:
    answer = live.get("/healthz", headers={b"X-Request-ID": odd.encode()})
    assert MADE.fullmatch(answer.headers["X-Request-ID"])
