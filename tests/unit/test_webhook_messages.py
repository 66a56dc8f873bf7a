"""Messages of webhooks: what they say, how they are signed, when they are tried again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.conf import settings as ours
from standardwebhooks import Webhook, WebhookVerificationError

from jobs.webhooks import retries
from jobs.webhooks.events import PROGRESS, Happened, message, message_id
from jobs.webhooks.signing import new_secret, signed_headers

if TYPE_CHECKING:
    from pytest_django import Settings

JOB = UUID("0197f3a2-7c1e-7000-8000-00000000abcd")
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RESULT = {"sha256": "ab" * 32, "format": "wav", "seconds": 1.5}
BODY = json.dumps({"type": "job.succeeded", "é": "ü"})


def event(name: str, data: dict[str, Any], **changed: Any) -> Happened:
    fields: dict[str, Any] = {"id": 7, "transaction": 99, "name": name, "number": 3, "data": data}
    fields |= {"at": AT, "job_id": JOB, "kind": "synthesize", "personality_id": "p1"}
    return Happened(**fields | {"batch_id": None, "url": ""} | changed)


def now() -> int:
    return int(datetime.now(UTC).timestamp())


def test_a_success_carries_hash_and_address_of_its_audio(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://speak.example/"
    told = json.loads(message(event("job.succeeded", RESULT)))
    assert told == {
        "type": "job.succeeded",
        "timestamp": "2026-03-01T12:00:00Z",
        "data": {
            "id": str(JOB),
            "kind": "synthesize",
            "state": "succeeded",
            "personality_id": "p1",
            "batch_id": None,
            "url": f"https://speak.example/api/v1/jobs/{JOB}",
            "error": None,
            "result": RESULT | {"audio_url": f"https://speak.example/api/v1/jobs/{JOB}/audio"},
        },
    }


def test_a_failure_carries_its_code() -> None:
    told = json.loads(message(event("job.failed", {"code": "poison", "message": "Put aside."})))
    assert told["data"]["error"] == {"code": "poison", "message": "Put aside."}
    assert (told["data"]["state"], told["data"]["result"]) == ("failed", None)


@pytest.mark.parametrize("state", ["cancelled", "expired"])
def test_an_end_without_result_or_failure_carries_neither(state: str) -> None:
    data = json.loads(message(event(f"job.{state}", {})))["data"]
    assert (data["state"], data["result"], data["error"]) == (state, None, None)


def test_progress_is_told_of_a_running_job() -> None:
    data = json.loads(message(event(PROGRESS, {"progress": 0.25})))["data"]
    assert (data["state"], data["progress"]) == ("running", 0.25)


def test_a_message_id_follows_from_the_event_alone() -> None:
    one = event("job.succeeded", RESULT)
    assert message_id(one) == message_id(one._replace(transaction=1, id=1))
    others = {message_id(one), message_id(one._replace(number=4))}
    assert len(others | {message_id(one._replace(job_id=UUID(int=5)))}) == 3


def test_the_standard_library_of_webhooks_verifies_our_signatures() -> None:
    secret = new_secret()
    headers = signed_headers([secret], "msg_1", now(), BODY)
    assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)
    for spoilt in (
        headers | {"webhook-id": "msg_2"},
        headers | {"webhook-timestamp": str(now() + 1)},
        headers | {"webhook-signature": headers["webhook-signature"][:-6] + "AAAAA="},
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(BODY, spoilt)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + " ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, headers)


def test_while_a_secret_rotates_both_verify() -> None:
    old, new = new_secret(), new_secret()
    headers = signed_headers([new, old], "msg_1", now(), BODY)
    assert Webhook(old).verify(BODY, headers) == Webhook(new).verify(BODY, headers)


def test_secrets_are_long_and_no_two_are_alike() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(secret.startswith("whsec_") and len(secret) >= 6 + 44 for secret in made)


def test_ten_tries_take_about_seventy_five_hours() -> None:
    delays = ours.WEBHOOK_RETRY_SECONDS
    assert len(delays) + 1 == 10
    assert sum(delays) / 3_600 == pytest.approx(75, abs=1)
    assert [retries.delay(delays, 10, None), retries.delay(delays, 10, 5.0)] == [None, None]
    assert retries.delay(delays, 9, None) is not None


def test_delays_are_spread() -> None:
    drawn = {retries.delay([100.0], 1, None) for _ in range(200)}
    assert all(delay is not None and 90 <= delay <= 110 for delay in drawn)
    assert len(drawn) > 100


def test_a_wish_to_wait_is_honoured_within_a_day_and_never_shortens() -> None:
    assert retries.delay([5.0], 1, 600.0) == 600.0
    assert retries.delay([5.0], 1, 1e9) == 86_400.0
    assert (retries.delay([100.0], 1, 1.0) or 0) >= 90


def test_retry_after_is_read_in_both_forms() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=90)
    assert retries.wished_delay("120") == 120.0
    assert retries.wished_delay(format_datetime(soon, usegmt=True)) == pytest.approx(90, abs=2)
    assert retries.wished_delay(format_datetime(soon - timedelta(days=2), usegmt=True)) == 0.0
    for nonsense in (None, "", "soon", "-5", "1.5", "٣", "Tue, 99 Foo 2026 00:00:00 GMT"):
        assert retries.wished_delay(nonsense) is None
    assert retries.wished_delay("9" * 400) == 999_999_999.0


@pytest.mark.parametrize(
    ("status", "delivered"),
    [(200, True), (204, True), (299, True), (301, False), (304, False), (404, False), (500, False)],
)
def test_only_a_2xx_is_a_delivery(status: int, delivered: bool) -> None:
    assert retries.is_delivered(status) is delivered


def test_no_answer_is_no_delivery_and_only_410_is_gone() -> None:
    assert not retries.is_delivered(None)
    assert [status for status in range(100, 600) if retries.is_gone(status)] == [410]


def test_progress_is_told_once() -> None:
    assert retries.delays_for(PROGRESS, [5.0]) == ()
    assert retries.delays_for("job.failed", [5.0]) == [5.0]
