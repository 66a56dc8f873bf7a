"""Am I alive; can I do my work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import redis
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from jobs.wire import redis_client
from voices.storage import web_store
from voices.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.guard import App, Message, Receive, Send


ALIVE = json.dumps({"status": "ok"}).encode()


class Pulse:
    """Answers /healthz from the event loop: also while every thread is busy, or hangs."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope.get("path") != "/healthz":
            await self.app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": ALIVE})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 where the ledger and the store answer. The broker may be away: accepted jobs wait."""
    checks = {
        "database": _passes(_ask_database),
        "store": _passes(web_store().check),
        "broker": _passes(redis_client().ping),
    }
    ready = checks["database"] and checks["store"]
    return JsonResponse(
        {name: "ok" if passed else "down" for name, passed in checks.items()},
        status=200 if ready else 503,
        headers={} if ready else {"Retry-After": "2"},
    )


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _passes(check: Callable[[], object]) -> bool:
    try:
        check()
    except DatabaseError:
        connection.close()
        return False
    except (StoreError, redis.RedisError, OSError):
        return False
    return True
