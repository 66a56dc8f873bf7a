"""Bulk: up to a thousand texts in one request, each checked alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from jobs.models import Edge, Job, Usage
from jobs.states import Bond
from tests.conftest import make_tenant
from tests.engines import JournalEngine
from tests.speech import BULK, SYNTHESIZE, keyed, post, problem_of, speak, wait_for_end
from voices.models import Render

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db(transaction=True)


def item(number: int, **changed: Any) -> dict[str, Any]:
    return {"text": f"This is text {number}.", "voice": "tester"} | changed


def test_a_thousand_texts_are_accepted_in_one_request(api: Client) -> None:
    answer = post(api, BULK, {"items": [item(number) for number in range(1000)]})
    batch = answer.json()
    assert (answer.status_code, batch["accepted"]) == (202, 1000)
    assert [line["index"] for line in batch["items"]] == list(range(1000))
    assert len({line["id"] for line in batch["items"]}) == 1000
    assert Job.objects.filter(batch_id=batch["batch_id"], state="queued").count() == 1000
    texts = {str(job_id): text for job_id, text in Job.objects.values_list("id", "request__text")}
    spoken = [texts[line["id"]] for line in batch["items"]]
    assert spoken == [item(number)["text"] for number in range(1000)]


def test_a_thousand_and_one_are_too_many(api: Client) -> None:
    answer = post(api, BULK, {"items": [item(number) for number in range(1001)]})
    assert problem_of(answer) == (400, "invalid_request")
    assert not Job.objects.exists()


BAD: list[tuple[Any, int, str]] = [
    (item(0, text=""), 422, "text_empty"),
    (item(0, text="x" * 5001), 413, "text_too_long"),
    (item(0, voice="nobody"), 404, "voice_not_found"),
    (item(0, format="aac"), 400, "invalid_request"),
    (item(0, mood="gay"), 400, "invalid_request"),
    (item(0, settings={"warmth": 1}), 422, "setting_unsupported"),
    (5, 400, "invalid_request"),
    (None, 400, "invalid_request"),
    ({}, 400, "invalid_request"),
]


def test_what_is_wrong_with_one_item_is_told_in_its_place_and_stops_no_other(api: Client) -> None:
    items = [part for number, (bad, _, _) in enumerate(BAD) for part in (item(number), bad)]
    answer = post(api, BULK, {"items": items})
    batch = answer.json()
    assert (answer.status_code, batch["accepted"]) == (202, len(BAD))
    good, bad = batch["items"][::2], batch["items"][1::2]
    assert all("id" in line and "error" not in line for line in good)
    told = [(line["error"]["status"], line["error"]["code"]) for line in bad]
    assert told == [(status, code) for _, status, code in BAD]
    assert Job.objects.count() == len(BAD)


def test_a_batch_in_which_nothing_is_right_makes_no_job(api: Client) -> None:
    batch = post(api, BULK, {"items": [{}, 5]}).json()
    assert batch["accepted"] == 0
    assert not Job.objects.exists()


def test_the_same_text_ten_times_is_spoken_once(cpu_worker: None, api: Client) -> None:
    JournalEngine.spoken.clear()
    same = {"text": "Said once.", "voice": "diary"}
    batch = post(api, BULK, {"items": [same] * 10}).json()
    assert Edge.objects.filter(bond=Bond.SAME).count() == 9
    for line in batch["items"]:
        assert wait_for_end(api, line["id"])["state"] == "succeeded"
    assert JournalEngine.spoken == ["Said once."]
    assert Counter(Usage.objects.values_list("cached", flat=True)) == {False: 1, True: 9}


def test_what_is_ready_is_answered_as_done_among_what_is_not(api: Client) -> None:
    speak(post(api, SYNTHESIZE, item(1)).json()["id"])
    lines = post(api, BULK, {"items": [item(1), item(2)]}).json()["items"]
    assert [line["done"] for line in lines] == [True, False]
    assert speak(lines[1]["id"]).state == "succeeded"


def test_a_replay_gives_the_same_ids_and_makes_nothing(api: Client) -> None:
    body = {"items": [item(1), item(2), item(1), {}]}
    first = post(api, BULK, body, Idempotency_Key="b")
    again = post(api, BULK, body, Idempotency_Key="b")
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    assert (Job.objects.count(), Render.objects.count()) == (3, 2)


def test_a_replay_with_one_item_changed_is_a_conflict_and_makes_nothing(api: Client) -> None:
    post(api, BULK, {"items": [item(1), item(2)]}, Idempotency_Key="b")
    answer = post(api, BULK, {"items": [item(1), item(3), item(4)]}, Idempotency_Key="b")
    assert problem_of(answer) == (409, "idempotency_conflict")
    assert Job.objects.count() == 2


def test_a_batch_is_told_of_and_cancelled_as_one(api: Client) -> None:
    batch = post(api, BULK, {"items": [item(1), item(2)]}).json()
    address = f"/api/v1/batches/{batch['batch_id']}"
    assert api.get(address).json() == {
        "id": batch["batch_id"],
        "jobs": {"queued": 2},
        "ended": False,
    }
    cancelled = api.post(f"{address}/cancel").json()
    assert (cancelled["jobs"], cancelled["ended"]) == ({"cancelled": 2}, True)
    listed = api.get("/api/v1/jobs", {"batch": batch["batch_id"]}).json()["results"]
    assert len(listed) == 2
    assert problem_of(api.get(f"/api/v1/batches/{listed[0]['id']}")) == (404, "batch_not_found")


def test_a_batch_past_a_tenants_ceiling_is_refused_whole(speech: None) -> None:
    small = keyed(make_tenant("small", max_queued=5))
    answer = post(small, BULK, {"items": [item(number) for number in range(6)]})
    assert problem_of(answer) == (429, "too_many_jobs")
    assert not Job.objects.exists()
    assert post(small, BULK, {"items": [item(n) for n in range(5)]}).json()["accepted"] == 5


def test_a_batch_beside_the_one_that_speaks_waits_on_it(api: Client) -> None:
    JournalEngine.spoken.clear()
    same = {"text": "Spoken for both.", "voice": "diary"}
    one, other = (post(api, BULK, {"items": [same]}).json()["items"][0]["id"] for _ in range(2))
    assert Job.objects.get(id=other).state == "waiting"
    assert [speak(job_id).state for job_id in (one, other)] == ["succeeded", "succeeded"]
    assert JournalEngine.spoken == ["Spoken for both."]


def test_a_shorter_bulk_under_the_same_key_is_a_conflict(api: Client) -> None:
    post(api, BULK, {"items": [item(1), item(2)]}, Idempotency_Key="b")
    answer = post(api, BULK, {"items": [item(1)]}, Idempotency_Key="b")
    assert problem_of(answer) == (409, "idempotency_conflict")
