"""Webhook endpoints: made, changed, given new secrets, switched off and on, tested."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import BigIntegerField, Func, QuerySet
from django.db.models.functions import Now

from jobs.services.accept import new_job_id
from jobs.webhooks import lookup
from jobs.webhooks.errors import (
    TooManyWebhooksError,
    WebhookInactiveError,
    WebhookNotFoundError,
    WebhookUrlRefusedError,
)
from jobs.webhooks.events import ENDINGS, TEST, test_message
from jobs.webhooks.fanning import lane_of
from jobs.webhooks.guard import read_url
from jobs.webhooks.models import Delivery, Endpoint
from jobs.webhooks.signing import new_secret
from tenants.audit import PLATFORM, record
from tenants.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

MOST = 20  # endpoints of a tenant
OLD_SECRET_SIGNS = timedelta(days=1)
HISTORY_KEPT = 50
GONE, FAILING, BY_HAND = "gone", "failing", "by_hand"

ENSURE_OWN = """
    INSERT INTO jobs_endpoint (id, tenant_id, events, secret, history, cursor_transaction)
    VALUES (%s, %s, %s, %s, '[]', pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
    ON CONFLICT (tenant_id) WHERE url = '' DO NOTHING"""


class Horizon(Func):
    """Every transaction before this one has ended: events from here on are still to be told."""

    template = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    output_field = BigIntegerField()


def tenant_endpoints(tenant_id: UUID) -> QuerySet[Endpoint]:
    return Endpoint.objects.filter(tenant_id=tenant_id).exclude(url="")


def tenant_endpoint(tenant_id: UUID, endpoint_id: UUID) -> Endpoint:
    """Another tenant's is as good as none."""
    if (found := tenant_endpoints(tenant_id).filter(id=endpoint_id).first()) is None:
        raise WebhookNotFoundError
    return found


def create_endpoint(
    *, tenant_id: UUID, url: str, events: Sequence[str] = ENDINGS, description: str = ""
) -> Endpoint:
    """From now on it is told of the tenant's events."""
    check_reachable(url)
    with transaction.atomic():
        Tenant.objects.select_for_update().get(id=tenant_id)
        if tenant_endpoints(tenant_id).count() >= MOST:
            raise TooManyWebhooksError
        made = Endpoint.objects.create(
            id=new_job_id(),
            tenant_id=tenant_id,
            url=url,
            events=list(events),
            description=description,
            secret=new_secret(),
            history=[_noted("created")],
            cursor_transaction=Horizon(),
        )
    made.refresh_from_db()
    return made


def change_endpoint(endpoint: Endpoint, **changes: Any) -> None:
    """Change url, events, description or active. What happened while it was off is not told."""
    if "url" in changes and changes["url"] != endpoint.url:
        check_reachable(changes["url"])
    with transaction.atomic():
        row = Endpoint.objects.select_for_update().get(id=endpoint.id)
        active = changes.pop("active", row.active)
        for name, value in changes.items():
            setattr(row, name, value)
        if active and not row.active:
            _switch_on(row)
        elif row.active and not active:
            _switch_off(row, BY_HAND)
        row.save(update_fields=[*changes, *SWITCHES, "history"])
    endpoint.refresh_from_db()


SWITCHES = (
    "active",
    "disabled_reason",
    "failing_since",
    "cursor_transaction",
    "cursor_event",
)


def _switch_on(row: Endpoint) -> None:
    row.active, row.disabled_reason, row.failing_since = True, "", None
    row.cursor_transaction, row.cursor_event = Horizon(), 0
    _add_history(row, "switched on")


def _switch_off(row: Endpoint, reason: str) -> None:
    row.active, row.disabled_reason = False, reason
    _add_history(row, f"switched off: {reason}")


def delete_endpoint(endpoint: Endpoint) -> None:
    """With all that was sent to it, and what was still to be sent."""
    endpoint.delete()


@transaction.atomic
def rotate_secret(endpoint: Endpoint) -> None:
    """A new secret; for a day the one before signs as well."""
    row = Endpoint.objects.select_for_update().get(id=endpoint.id)
    row.old_secret, row.secret = row.secret, new_secret()
    row.old_secret_until = Now() + OLD_SECRET_SIGNS
    _add_history(row, "secret rotated")
    row.save(update_fields=["secret", "old_secret", "old_secret_until", "history"])
    endpoint.refresh_from_db()


def send_test(endpoint: Endpoint) -> Delivery:
    """A message of its own, whatever events the endpoint wants."""
    if not endpoint.active:
        raise WebhookInactiveError
    delivery_id = new_job_id()
    made = Delivery.objects.create(
        id=delivery_id,
        endpoint=endpoint,
        tenant_id=endpoint.tenant_id,
        name=TEST,
        message_id=f"msg_test_{delivery_id.hex}",
        lane=lane_of(endpoint.id, ""),
        body=test_message(),
    )
    made.refresh_from_db()
    return made


def ensure_own_endpoints(tenant_ids: Iterable[UUID]) -> None:
    """These tenants may name addresses in requests: each has the endpoint that tells those."""
    with connection.cursor() as cursor:
        for tenant_id in sorted(set(tenant_ids)):
            own = (new_job_id(), tenant_id, list(ENDINGS), new_secret())
            cursor.execute(ENSURE_OWN, own)


def own_endpoint(tenant_id: UUID) -> Endpoint:
    """The tenant's endpoint for addresses of single requests, with the secret that signs those."""
    ensure_own_endpoints([tenant_id])
    return Endpoint.objects.get(tenant_id=tenant_id, url="")


def check_reachable(url: str) -> None:
    """Refuse a URL that may not be called, as it is written or as it resolves now."""
    target = read_url(url, settings.WEBHOOK_ALLOWED_NETWORKS)
    try:
        lookup.find_addresses(target, settings.WEBHOOK_CONNECT_SECONDS)
    except TimeoutError as error:
        raise WebhookUrlRefusedError(f"{error}.") from error


def note_success(endpoint_id: UUID) -> None:
    Endpoint.objects.filter(id=endpoint_id, failing_since__isnull=False).update(failing_since=None)


def note_failure(endpoint_id: UUID, *, gone: bool) -> None:
    """Switch it off where it is gone, or has failed for days. A tenant's own one stays."""
    row = Endpoint.objects.select_for_update().filter(id=endpoint_id, active=True).first()
    if row is None or not row.url:
        return
    row.failing_since = row.failing_since or datetime.now(UTC)
    if gone or row.failing_since < datetime.now(UTC) - settings.WEBHOOK_FAILING:
        _give_up(row, GONE if gone else FAILING)
    row.save(update_fields=["active", "disabled_reason", "failing_since", "history"])


def _give_up(row: Endpoint, reason: str) -> None:
    """Of itself: its owner finds who did it and why where people's deeds stand."""
    _switch_off(row, reason)
    record(
        PLATFORM,
        "webhook.switched_off",
        tenant_id=row.tenant_id,
        kind="webhook",
        object_id=row.id,
        reason=reason,
    )


def _noted(what: str) -> dict[str, str]:
    return {"at": datetime.now(UTC).isoformat().replace("+00:00", "Z"), "what": what}


def _add_history(row: Endpoint, what: str) -> None:
    row.history = [*row.history, _noted(what)][-HISTORY_KEPT:]
