"""One try at a time: against receivers that misbehave, and against a trap nobody may reach."""

from __future__ import annotations

import resource
import socket
import threading
import time
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

import pytest
from standardwebhooks import Webhook

from jobs.webhooks import guard, sending
from jobs.webhooks.endpoints import check_reachable
from jobs.webhooks.errors import WebhookUrlRefusedError
from jobs.webhooks.lookup import find_addresses
from jobs.webhooks.sending import Answer, Letter
from jobs.webhooks.signing import new_secret
from tests.receivers import NAME, TLS, Reply, hostile_urls, receiver, trap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_django import Settings

    from jobs.webhooks.guard import Address
    from tests.receivers import Trap

SECRET = new_secret()
HERE = [ip_address("127.0.0.1")]
OUTSIDE = [ip_address("93.184.215.14")]
FULL_WIDTH = "\uff11\uff12\uff17.0.0.1"
HOSTS = ("127.1", "0177.0.0.1", "2130706433", "0x7f000001", FULL_WIDTH, "0", "localhost", "::1")


@pytest.fixture(autouse=True)
def _quick(settings: Settings) -> None:
    settings.WEBHOOK_SECONDS = 1.0
    settings.WEBHOOK_CONNECT_SECONDS = 0.5


@pytest.fixture
def loopback(settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]


@pytest.fixture
def snare() -> Iterator[Trap]:
    with trap() as set_up:
        yield set_up


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tests' own authority beside nobody else's."""
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "authority.pem"))
    sending._tls.cache_clear()
    yield
    sending._tls.cache_clear()


def letter(url: str) -> Letter:
    return Letter(url, "msg_1", '{"type":"job.succeeded"}', [SECRET])


def here(_: str, __: float) -> Sequence[Address]:
    return HERE


def timed(url: str) -> tuple[Answer, float]:
    begun = time.monotonic()
    return sending.send(letter(url), here), time.monotonic() - begun


# Nobody reaches what is not public


def test_the_trap_catches_a_sender_without_a_guard(snare: Trap) -> None:
    for host in HOSTS:
        with suppress(OSError), socket.create_connection((host, snare.port), 1):
            pass
    time.sleep(0.1)
    assert snare.hits == len(HOSTS)


def test_no_hostile_address_is_reached(snare: Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trap's port counts as that of https here, so that no rule of ports hides the others."""
    monkeypatch.setattr(guard, "HTTPS_PORT", snare.port)
    urls = hostile_urls(snare.port)
    answers = [sending.send(letter(url)) for url in urls]
    assert all(answer.error.startswith("refused") for answer in answers)
    assert len(urls) >= 61
    assert snare.hits == 0


def test_no_name_that_leads_to_a_hostile_address_is_followed(
    snare: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "HTTPS_PORT", snare.port)
    url = f"https://hooks.example.com:{snare.port}/"
    for found in (["127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["93.184.215.14", "127.0.0.1"]):
        addresses = [ip_address(one) for one in found]
        answer = sending.send(letter(url), lambda _, __, to=addresses: to)  # type: ignore[misc]
        assert answer.error == "refused: it does not lead to a public address."
    assert snare.hits == 0


def test_a_name_that_is_bound_anew_is_refused_when_it_is_called(
    snare: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "HTTPS_PORT", snare.port)
    url = f"https://rebinding.example.com:{snare.port}/"
    answers = iter([OUTSIDE, HERE])
    assert find_addresses(guard.read_url(url), 1, lambda _, __: next(answers)) == OUTSIDE
    assert sending.send(letter(url), lambda _, __: next(answers)).error.startswith("refused")
    assert snare.hits == 0


def test_a_name_is_asked_once_and_the_answer_is_what_is_called(loopback: None) -> None:
    asked: list[str] = []

    def once(name: str, _: float) -> Sequence[Address]:
        asked.append(name)
        return HERE if len(asked) == 1 else OUTSIDE

    with receiver() as good:
        answer = sending.send(letter(f"http://no-such.example.test:{good.port}/in?x=1"), once)
        assert (answer.status, asked) == (200, ["no-such.example.test"])
        assert good.got[0].headers["host"] == f"no-such.example.test:{good.port}"
        assert good.got[0].path == "/in?x=1"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(
    loopback: None, snare: Trap, status: int
) -> None:
    for to in ("http://169.254.169.254/latest/", f"http://127.0.0.1:{snare.port}/"):
        with receiver(lambda _, to=to: Reply(status, {"Location": to})) as moved:  # type: ignore[misc]
            assert sending.send(letter(moved.url)).status == status
            assert len(moved.got) == 1
    assert snare.hits == 0


def test_proxies_of_the_environment_are_not_used(
    loopback: None, snare: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{snare.port}")
        monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{snare.port}")
    with receiver() as good:
        assert sending.send(letter(good.url)).status == 200
    assert snare.hits == 0


def test_an_endpoint_is_checked_when_it_is_made(settings: Settings) -> None:
    for url in hostile_urls():
        with pytest.raises(WebhookUrlRefusedError):
            check_reachable(url)
    with pytest.raises(WebhookUrlRefusedError, match="does not resolve"):
        check_reachable("https://surely-not-there.invalid/")
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    check_reachable("http://127.0.0.1:8080/")


# Receivers that misbehave


def test_what_is_sent_is_whole_and_signed(loopback: None) -> None:
    with receiver() as good:
        answer = sending.send(letter(good.url))
        assert (answer.status, answer.text, answer.error) == (200, "ok", "")
        (got,) = good.got
    assert Webhook(SECRET).verify(got.body, got.headers) == {"type": "job.succeeded"}
    assert got.message_id == "msg_1"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("Voicemill")


def test_a_receiver_that_hangs_costs_the_time_allowed_and_no_more(loopback: None) -> None:
    with receiver(lambda _: Reply(hangs=True)) as hanging:
        answer, spent = timed(hanging.url)
    assert (answer.status, answer.error) == (None, "timeout: no answer in time")
    assert 0.9 < spent < 1.5


def test_one_that_dribbles_its_answer_costs_no_more_either(loopback: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def dribble() -> None:
            guest, _ = server.accept()
            with guest, suppress(OSError):
                for letter_of in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 1_000:
                    guest.send(bytes([letter_of]))
                    time.sleep(0.05)

        thread = threading.Thread(target=dribble)
        thread.start()
        answer, spent = timed(f"http://127.0.0.1:{server.getsockname()[1]}/")
        thread.join(10)
    assert answer.error.startswith("timeout")
    assert spent < 1.5


def test_an_answer_of_a_gigabyte_is_not_read(loopback: None) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with receiver(lambda _: Reply(megabytes=1_024, body=b"first ")) as huge:
        answer, spent = timed(huge.url)
        assert answer.status == 200
        assert answer.text.startswith("first xxx")
        assert len(answer.text) == sending.KEPT
        assert huge.sent < 16 * 2**20
    assert spent < 1.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1_024


def test_a_status_counts_though_the_body_never_ends(loopback: None) -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"
    with receiver(lambda _: Reply(raw=raw)) as short:
        answer = sending.send(letter(short.url))
    assert (answer.status, answer.text) == (200, "half")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
        bytes(range(256)) * 10,
    ],
    ids=["nothing", "ssh", "words", "many", "long", "continue", "noise"],
)
def test_what_is_no_answer_is_a_failure(loopback: None, raw: bytes) -> None:
    with receiver(lambda _: Reply(raw=raw)) as odd:
        answer = sending.send(letter(odd.url))
    assert answer.status is None
    assert answer.error


def test_a_receiver_that_only_ever_says_continue_is_not_heard_out(loopback: None) -> None:
    endless = b"HTTP/1.1 100 Continue\r\n\r\n" * 2_000_000
    with receiver(lambda _: Reply(raw=endless)) as talking:
        answer, spent = timed(talking.url)
        assert (answer.status, talking.sent < 16 * 2**20) == (None, True)
    assert spent < 0.9


def test_nobody_there_is_a_failure(loopback: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    answer = sending.send(letter(f"http://127.0.0.1:{port}/"))
    assert (answer.status, answer.error[:11]) == (None, "connection:")


def test_text_of_an_answer_can_be_stored_whatever_it_is(loopback: None) -> None:
    with receiver(lambda _: Reply(500, body=b"\x00\xff caf\xc3\xa9")) as odd:
        assert sending.send(letter(odd.url)).text == "\ufffd\ufffd café"


# TLS


def test_a_certificate_for_the_name_is_accepted(loopback: None, trusted: None) -> None:
    with receiver(certificate="receiver") as good:
        answer = sending.send(letter(good.url), here)
        assert (answer.status, answer.error) == (200, "")
        assert good.got[0].headers["host"] == f"{NAME}:{good.port}"


@pytest.mark.parametrize("certificate", ["stranger", "self_signed", "expired"])
def test_a_wrong_certificate_is_refused(loopback: None, trusted: None, certificate: str) -> None:
    with receiver(certificate=certificate) as bad:
        answer = sending.send(letter(bad.url), here)
        assert answer.error.startswith("tls: CERTIFICATE_VERIFY_FAILED")
        assert bad.got == []


def test_without_our_authority_nobody_is_trusted(loopback: None) -> None:
    sending._tls.cache_clear()
    with receiver(certificate="receiver") as unknown:
        assert sending.send(letter(unknown.url), here).error.startswith("tls:")
        assert unknown.got == []


def test_one_that_speaks_no_tls_where_it_should_is_a_failure(loopback: None) -> None:
    with receiver() as plain:
        answer = sending.send(letter(f"https://{NAME}:{plain.port}/"), here)
    assert answer.status is None
    assert answer.error.startswith(("tls:", "timeout"))
    assert plain.got == []
