"""Bad input, over the wire: a problem with a stable code, and never a 500."""

from __future__ import annotations

import json
import socket
import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from jobs.models import Job
from tests.speech import BULK, JOBS, SYNTHESIZE, make_voice, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.live import Server

pytestmark = pytest.mark.django_db(transaction=True)

JSON = "application/json"


@pytest.fixture(autouse=True)
def _nothing_was_accepted(live: httpx.Client) -> Iterator[None]:
    yield
    assert not Job.objects.exists()


TEXTS = [
    ("", 422, "text_empty"),
    (" \t\n ", 422, "text_empty"),
    ("\u200b\u2060", 422, "text_empty"),
    ("...?!", 422, "text_empty"),
    ("🙂", 422, "text_empty"),
    ("a" * 5001, 413, "text_too_long"),
    ("bell\x07", 422, "text_control_characters"),
    ("nul\x00", 422, "text_control_characters"),
    ("c1\x85", 422, "text_control_characters"),
    ("half \ud83d", 422, "text_encoding"),
    ("wrong \ufffd", 422, "text_encoding"),
    ("<speak>Hi</speak>", 422, "ssml_unsupported"),
]


def ask(live: httpx.Client, body: object, path: str = SYNTHESIZE) -> tuple[int, str]:
    """The problem that a body is; what UTF-8 cannot carry is escaped."""
    content = body if isinstance(body, bytes) else json.dumps(body)
    answer = live.post(path, content=content, headers={"Content-Type": JSON})
    assert len(answer.content) < 2_000
    return problem_of(answer)


def test_a_text_that_cannot_be_spoken(live: httpx.Client) -> None:
    told = [(text, *ask(live, {"text": text, "voice": "tester"})) for text, _, _ in TEXTS]
    assert told == TEXTS


FIELDS: list[tuple[dict[str, Any], int, str]] = [
    ({"voice": "nobody"}, 404, "voice_not_found"),
    ({"voice": "\ud800"}, 400, "invalid_request"),
    ({"engine": "nobody"}, 422, "not_asked_for"),
    ({"language": "xx"}, 422, "language_unsupported"),
    ({"format": "aac"}, 400, "invalid_request"),
    ({"format": "\ud800"}, 400, "invalid_request"),
    ({"format": {"a": 1}}, 400, "invalid_request"),
    ({"sample_rate": 1}, 400, "invalid_request"),
    ({"settings": {"speed": 99}}, 422, "setting_out_of_range"),
    ({"settings": {"warmth": 1}}, 422, "setting_unsupported"),
    ({"settings": {"\ud800\x00": 1}}, 422, "setting_unsupported"),
    ({"settings": {"speed": True}}, 400, "invalid_request"),
    ({"settings": {"speed": 10**400}}, 400, "invalid_request"),
    ({"seed": 10**400}, 400, "invalid_request"),
    ({"deadline_seconds": 10**400}, 400, "invalid_request"),
    ({"deadline_seconds": -1}, 400, "invalid_request"),
    ({"text": ["a"]}, 400, "invalid_request"),
    ({"text": None}, 400, "invalid_request"),
    ({"mood": "gay"}, 400, "invalid_request"),
    ({"\ud800": 1}, 400, "invalid_request"),
    ({"personality_id": "\x00"}, 400, "invalid_request"),
]


def test_a_field_that_is_not_as_it_should_be(live: httpx.Client) -> None:
    body = {"text": "Hello.", "voice": "tester"}
    told = [(changed, *ask(live, body | changed)) for changed, _, _ in FIELDS]
    assert told == FIELDS


BODIES = [
    b"",
    b"{",
    b"null",
    b'"text"',
    b"[]",
    b"5",
    b'{"text": NaN}',
    b'{"text": "a", "settings": {"speed": NaN}}',
    b'{"text": "a", "settings": {"speed": Infinity}}',
    b'{"text": "a", "settings": {"speed": -1e999}}',
    b'{"text": "a", "seed": 1' + b"0" * 5000 + b"}",
    b'{"text": "\xff\xfe"}',
    '{"text": "Grüße"}'.encode("latin-1"),
    '{"text": "Hello."}'.encode("utf-16"),
    b'\xef\xbb\xbf{"text": "a"}',
    b"[" * 100_000,
    b"[" * 500 + b"]" * 500,
    b'{"a":' * 900 + b"1" + b"}" * 900,
    b'{"format":' + b"[" * 40 + b"]" * 40 + b"}",
]


@pytest.mark.parametrize("path", [SYNTHESIZE, BULK])
def test_a_body_that_is_not_the_json_it_should_be(live: httpx.Client, path: str) -> None:
    for body in BODIES:
        assert ask(live, body, path)[0] == 400, body[:100]


def test_a_body_of_another_kind_is_415(live: httpx.Client) -> None:
    for kind in (b"text/plain", b"application/x-www-form-urlencoded", b"multipart/a", b"", b"\xff"):
        headers = [(b"content-type", kind)]
        answer = live.post(SYNTHESIZE, content=b"text=a", headers=headers)
        assert problem_of(answer) == (415, "unsupported_media_type"), kind


def test_a_body_is_read_as_utf8_whatever_charset_it_claims(live: httpx.Client) -> None:
    for charset in ("utf-16", "rot13", "zlib", "hex", "nonsense", "utf-7", '"'):
        kind = {"Content-Type": f"{JSON}; charset={charset}"}
        answer = live.post(SYNTHESIZE, content=b'{"text": ""}', headers=kind)
        assert problem_of(answer) == (422, "text_empty"), charset
        assert live.get(f"{JOBS}?state=%71ueued", headers=kind).status_code == 200, charset


def test_a_body_too_big_is_413_by_its_header_and_by_its_bytes(live: httpx.Client) -> None:
    big = b"x" * (12 * 1024 * 1024 + 1)
    headers = {"Content-Type": JSON}
    assert problem_of(live.post(SYNTHESIZE, content=big, headers=headers)) == (
        413,
        "body_too_large",
    )
    chunks = (big[start : start + 65_536] for start in range(0, len(big), 65_536))
    answer = live.post(SYNTHESIZE, content=chunks, headers=headers)
    assert problem_of(answer) == (413, "body_too_large")


def test_a_body_in_chunks_of_unknown_length_is_read(live: httpx.Client) -> None:
    chunks = iter([b'{"text":', b' ""}'])
    answer = live.post(SYNTHESIZE, content=chunks, headers={"Content-Type": JSON})
    assert problem_of(answer) == (422, "text_empty")


def test_bodies_that_never_end_are_408_in_time_and_hold_nobody_up(
    server: Server, live: httpx.Client
) -> None:
    head = f"POST {SYNTHESIZE} HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\n"
    started = time.monotonic()
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(50)]
    for line in slow:
        line.sendall(f'{head}Content-Length: 100\r\n\r\n{{"text"'.encode())
    for _ in range(10):
        asked = time.monotonic()
        assert live.get(JOBS).status_code == 200
        assert time.monotonic() - asked < 1
    for line in slow:
        with closing(line):
            line.settimeout(10)
            answer = b"".join(iter(partial(line.recv, 4096), b"")).decode()
        assert answer.startswith("HTTP/1.1 408 ")
        assert '"code": "body_timeout"' in answer
    assert 1.5 < time.monotonic() - started < 8


PATHS = [
    "/api/v1/voices/a%00b",
    "/api/v1/jobs/%00",
    "/api/v1/batches/%00",
    "/api/v1/%00",
    "/%ff%fe",
    "/files/%00?signature=%00",
    "/files/a?expires=x&signature=é",
    "/files/../../etc/passwd",
    f"/api/v1/jobs?state=%00&{'a=b&' * 2000}",
    "/api/v1/usage?since=%00",
    f"/api/v1/jobs?cursor={'cD14' * 10_000}",
    "/api/v1/jobs/" + "a" * 60_000,
]


def test_an_odd_address_is_a_problem(live: httpx.Client) -> None:
    for path in PATHS:
        assert problem_of(live.get(path))[0] in {400, 403, 404}, path[:100]


HEADERS = [
    (b"authorization", b"Bearer vm_\xff\xff_\xff"),
    (b"authorization", b"Bearer"),
    (b"authorization", b"Digest x"),
    (b"idempotency-key", b"\xff"),
    (b"idempotency-key", b"x" * 300),
]


def test_an_odd_header_is_a_problem(live: httpx.Client) -> None:
    body = {"text": "Hello.", "voice": "tester"}
    for header in HEADERS:
        assert problem_of(live.post(SYNTHESIZE, json=body, headers=[header]))[0] in {400, 401}


def test_odd_headers_where_nothing_hangs_on_them_are_passed_over(live: httpx.Client) -> None:
    names = (b"prefer", b"accept", b"range", b"cookie", b"if-none-match")
    odd = [(name, b"wait=\xff") for name in names]
    assert live.get(JOBS, headers=odd).status_code == 200


def test_what_is_no_http_is_400(server: Server, live: httpx.Client) -> None:
    for rest in (b"Content-Length: -5", b"Content-Length: x", b"X: a\x00b"):
        with closing(socket.create_connection(("127.0.0.1", server.port))) as line:
            line.settimeout(5)
            line.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n" + rest + b"\r\n\r\n")
            assert line.recv(100).startswith(b"HTTP/1.1 400 "), rest


def test_a_voice_without_any_engine_is_422(live: httpx.Client) -> None:
    make_voice("mute", engines=[])
    answer = live.post(SYNTHESIZE, json={"text": "Hello.", "voice": "mute"})
    assert problem_of(answer) == (422, "no_engine")
