"""Webhooks and deliveries as the API reads and shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from jobs.webhooks.events import ENDINGS, EVENTS
from jobs.webhooks.guard import LONGEST
from jobs.webhooks.models import Delivery

if TYPE_CHECKING:
    from datetime import datetime

    from jobs.webhooks.models import Endpoint


class WebhookBody(serializers.Serializer[Any]):
    """Where events are to be told, and which."""

    url = serializers.CharField(help_text=f"https on port 443, up to {LONGEST:,} characters.")
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=list(EVENTS)), min_length=1, default=list(ENDINGS)
    )
    description = serializers.CharField(max_length=200, allow_blank=True, default="")

    def to_internal_value(self, data: Any) -> Any:
        """Refuses fields it does not know: a misspelt one must not be ignored."""
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError(
                {str(name)[:60]: ["There is no such field."] for name in unknown[:10]}
            )
        return super().to_internal_value(data)

    def validate_events(self, events: list[str]) -> list[str]:
        return sorted(set(events), key=EVENTS.index)


class WebhookChange(WebhookBody):
    """What is to be different. Switched on again, it is told of what happens from then on."""

    active = serializers.BooleanField()


class WebhookDetail(serializers.Serializer[Any]):
    """An endpoint. `disabled_reason`: `gone` (it answered 410), `failing` (for days), `by_hand`."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField())
    description = serializers.CharField(allow_blank=True)
    active = serializers.BooleanField()
    disabled_reason = serializers.CharField(allow_blank=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class WebhookSecret(serializers.Serializer[Any]):
    """What its messages are signed with; until `old_secret_until` the one before signs as well."""

    secret = serializers.CharField()
    old_secret_until = serializers.DateTimeField(allow_null=True)


class WebhookMade(WebhookDetail, WebhookSecret):
    """An endpoint with its secret."""


class DeliveryTry(serializers.Serializer[Any]):
    """What came back once: a status and the beginning of the answer, or why there is none."""

    at = serializers.DateTimeField()
    milliseconds = serializers.IntegerField()
    status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_blank=True)
    answer = serializers.CharField(allow_blank=True)
    next_in_seconds = serializers.FloatField(allow_null=True)


class DeliveryDetail(serializers.Serializer[Any]):
    """One event's message to one endpoint. `webhook` is null for an address of one request."""

    id = serializers.UUIDField()
    webhook = serializers.UUIDField(allow_null=True)
    job = serializers.UUIDField(allow_null=True)
    type = serializers.CharField()
    message_id = serializers.CharField()
    url = serializers.CharField()
    state = serializers.ChoiceField(choices=Delivery.State.values)
    next_try_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    body = serializers.CharField()
    tries = DeliveryTry(many=True)


def present_webhook(endpoint: Endpoint) -> dict[str, Any]:
    """The fields of WebhookDetail."""
    return {
        "id": str(endpoint.id),
        "url": endpoint.url,
        "events": endpoint.events,
        "description": endpoint.description,
        "active": endpoint.active,
        "disabled_reason": endpoint.disabled_reason,
        "failing_since": _moment(endpoint.failing_since),
        "created_at": _moment(endpoint.created_at),
    }


def present_secret(endpoint: Endpoint) -> dict[str, Any]:
    """The fields of WebhookSecret."""
    until = _moment(endpoint.old_secret_until)
    return {"secret": endpoint.secret, "old_secret_until": until}


def present_delivery(delivery: Delivery) -> dict[str, Any]:
    """The fields of DeliveryDetail."""
    pending = delivery.state == Delivery.State.PENDING
    return {
        "id": str(delivery.id),
        "webhook": str(delivery.endpoint_id) if delivery.endpoint.url else None,
        "job": delivery.job and str(delivery.job),
        "type": delivery.name,
        "message_id": delivery.message_id,
        "url": delivery.url or delivery.endpoint.url,
        "state": delivery.state,
        "next_try_at": _moment(delivery.due_at) if pending else None,
        "created_at": _moment(delivery.created_at),
        "ended_at": _moment(delivery.ended_at),
        "body": delivery.body,
        "tries": delivery.tries,
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None
