"""Am I alive; can I do my work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import redis
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from jobs.wire import redis_client
from voices.storage import audio_store
from voices.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 where the ledger and the store answer. The broker may be away: accepted jobs wait."""
    checks = {
        "database": _passes(_ask_database),
        "store": _passes(audio_store().check),
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
