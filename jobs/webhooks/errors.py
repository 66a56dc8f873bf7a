"""What webhooks refuse. Each carries a stable code; its docstring is its message.

LedgerError
├── WebhookUrlRefusedError     422 webhook_url_refused, with the reason
├── WebhookNotFoundError       404 webhook_not_found
├── DeliveryNotFoundError      404 delivery_not_found
├── TooManyWebhooksError       409 too_many_webhooks
└── WebhookInactiveError       409 webhook_inactive
"""

from __future__ import annotations

from jobs.errors import LedgerError


class WebhookUrlRefusedError(LedgerError):
    """This address may not be called."""

    code = "webhook_url_refused"
    status = 422

    def __str__(self) -> str:
        return f"The webhook's address is refused: {self.args[0]}"


class WebhookNotFoundError(LedgerError):
    """There is no such webhook."""

    code = "webhook_not_found"
    status = 404


class DeliveryNotFoundError(LedgerError):
    """There is no such delivery; they are kept for some weeks."""

    code = "delivery_not_found"
    status = 404


class TooManyWebhooksError(LedgerError):
    """This tenant has as many webhooks as it may; delete one first."""

    code = "too_many_webhooks"
    status = 409


class WebhookInactiveError(LedgerError):
    """This webhook is switched off; switch it on first."""

    code = "webhook_inactive"
    status = 409
