"""What tests of webhooks begin with: a postman at work, endpoints, and what receivers were told."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jobs.states import State
from jobs.webhooks import endpoints
from jobs.webhooks.fanning import fan_out
from jobs.webhooks.models import Delivery, Endpoint
from jobs.webhooks.postman import Postman
from tests.ledger import bring_to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tenants.models import Tenant
    from tests.receivers import Receiver


@contextmanager
def a_postman() -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=Postman(stop).run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def endpoint(tenant: Tenant, to: Receiver, **more: Any) -> Endpoint:
    return endpoints.create_endpoint(tenant_id=tenant.id, url=to.url, **more)


def told(to: Receiver) -> list[tuple[str, str]]:
    """What a receiver was told, and of which job."""
    bodies = [json.loads(got.body) for got in to.got]
    return sorted((body["type"], body["data"].get("id", "")) for body in bodies)


def settled() -> bool:
    """Everything is taken up, and nothing waits to be sent."""
    return not fan_out() and not Delivery.objects.filter(state="pending").exists()


def only() -> Delivery:
    return Delivery.objects.get()


def succeed(tenant: Tenant, **request: Any) -> UUID:
    return bring_to(tenant, State.SUCCEEDED, request=request)
