"""Webhooks and deliveries in words, as their pages tell them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.urls import reverse

from jobs.admin.story import link, link_to_job
from jobs.webhooks.models import Delivery, Endpoint
from tenants.admin.words import NOTHING, badge, duration, exact, plain, when

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

LATEST = 20
REASONS = {
    "gone": "It said that it is gone (410)",
    "failing": "It has failed for days",
    "by_hand": "Somebody switched it off",
}
DELIVERY_STATES = {
    Delivery.State.PENDING: ("on its way", "info"),
    Delivery.State.DELIVERED: ("delivered", "good"),
    Delivery.State.FAILED: ("given up", "bad"),
}


def endpoint_badge(endpoint: Endpoint) -> SafeString:
    """Active, failing, or off and why."""
    if not endpoint.active:
        tone = "plain" if endpoint.disabled_reason == "by_hand" else "bad"
        return badge("switched off", tone, REASONS.get(endpoint.disabled_reason, ""))
    if endpoint.failing_since is not None:
        return badge("failing", "warn", f"Since {exact(endpoint.failing_since)}")
    return badge("active", "good")


def delivery_badge(delivery: Delivery) -> SafeString:
    pending = delivery.state == Delivery.State.PENDING
    if pending and not delivery.endpoint.active:
        return badge("held", "plain", "Waits until its webhook is switched on")
    if pending and delivery.tried:
        return badge("tried again", "warn", "Did not arrive yet")
    return badge(*DELIVERY_STATES[Delivery.State(delivery.state)])


def last_answer(delivery: Delivery) -> str:
    """What came back last: a status, or why there is none."""
    last = delivery.tries[-1] if delivery.tries else {}
    return str(last.get("status") or last.get("error") or NOTHING)


@dataclass(frozen=True, slots=True)
class TryRow:
    """One try, ready to be read."""

    at: str
    took: str
    outcome: str
    answer: str
    then: str


class EndpointStory:
    """One endpoint's page."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    @property
    def state(self) -> SafeString:
        return endpoint_badge(self.endpoint)

    @property
    def meaning(self) -> str:
        return REASONS.get(self.endpoint.disabled_reason, "")

    @property
    def facts(self) -> dict[str, Any]:
        one = self.endpoint
        rotated = one.old_secret_until
        facts = {
            "Address": one.url or "As each request says",
            "Told of": plain(one.events),
            "Description": one.description,
            "Failing since": when(one.failing_since) if one.failing_since else "",
            "Old secret signs until": exact(rotated) if rotated else "",
            "Made": exact(one.created_at),
        }
        return {name: value for name, value in facts.items() if value}

    @property
    def history(self) -> list[dict[str, str]]:
        """Newest first."""
        return [
            {"at": exact(datetime.fromisoformat(note["at"])), "what": note["what"]}
            for note in reversed(self.endpoint.history)
        ]

    @property
    def latest(self) -> list[dict[str, Any]]:
        found = Delivery.objects.filter(endpoint=self.endpoint, tenant_id=self.endpoint.tenant_id)
        return [
            {
                "link": link(delivery_page(one), one.name),
                "state": delivery_badge(one),
                "answer": last_answer(one),
                "made": when(one.created_at),
            }
            for one in found.select_related("endpoint").order_by("-id")[:LATEST]
        ]


class DeliveryStory:
    """One delivery's page: what was sent, and what came back."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery

    @property
    def state(self) -> SafeString:
        return delivery_badge(self.delivery)

    @property
    def facts(self) -> dict[str, Any]:
        one = self.delivery
        pending = one.state == Delivery.State.PENDING
        facts = {
            "Event": one.name,
            "Job": link_to_job(one.job) if one.job else "",
            "Webhook": link(endpoint_page(one.endpoint), one.endpoint),
            "Sent to": one.url or one.endpoint.url,
            "webhook-id": one.message_id,
            "Tries": f"{one.tried} of {len(settings.WEBHOOK_RETRY_SECONDS) + 1}",
            "Next try": when(one.due_at) if pending else "",
            "Made": exact(one.created_at),
            "Ended": exact(one.ended_at) if one.ended_at else "",
        }
        return {name: value for name, value in facts.items() if value}

    @property
    def body(self) -> str:
        return json.dumps(json.loads(self.delivery.body), indent=2)

    @property
    def tries(self) -> list[TryRow]:
        return [_try_row(tried) for tried in reversed(self.delivery.tries)]


def _try_row(tried: dict[str, Any]) -> TryRow:
    wait = tried["next_in_seconds"]
    return TryRow(
        at=exact(datetime.fromisoformat(tried["at"])),
        took=duration(tried["milliseconds"] / 1000),
        outcome=str(tried["status"] or tried["error"]),
        answer=tried["answer"] or NOTHING,
        then=f"again in {duration(wait)}" if wait else NOTHING,
    )


def endpoint_page(endpoint: Endpoint) -> str:
    return reverse("admin:jobs_endpoint_change", args=[endpoint.id])


def delivery_page(delivery: Delivery) -> str:
    return reverse("admin:jobs_delivery_change", args=[delivery.id])
