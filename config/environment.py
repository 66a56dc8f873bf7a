"""Reading settings from the environment: required or defaulted, plain or from a *_FILE."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class MissingSettingError(Exception):
    """A required setting is neither in NAME nor in a file named by NAME_FILE."""


def text(name: str, default: str | None = None) -> str:
    """The value of NAME, or the content of the file NAME_FILE points to."""
    if (path := os.environ.get(f"{name}_FILE")) is not None:
        return Path(path).read_text(encoding="utf-8").strip()
    if (value := os.environ.get(name, default)) is None:
        raise MissingSettingError(f"set {name}, or {name}_FILE to a file that holds it")
    return value


def number(name: str, default: float) -> float:
    return float(text(name, str(default)))


def integer(name: str, default: int, least: int | None = None) -> int:
    value = int(text(name, str(default)))
    if least is not None and value < least:
        raise ValueError(f"{name} is {value}: {least} at least")
    return value


def flag(name: str, default: bool = False) -> bool:
    return text(name, str(default)).strip().lower() in {"1", "true", "yes", "on"}


def names(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def database(url: str) -> dict[str, Any]:
    """Django's words for a postgresql:// URL, whose host may be a socket folder."""
    parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
    host = query.get("host", [parts.hostname or ""])[0]
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": query.get("port", [str(parts.port or "")])[0],
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {
            "connect_timeout": 3,
            "fallback_application_name": "voicemill",  # PGAPPNAME tells processes apart
            "keepalives_idle": 10,  # a server that lost its power is known to be gone within 25 s
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
            "options": "-c jit=off -c statement_timeout=60000"
            " -c idle_in_transaction_session_timeout=15000",
        },
    }


def proxy_header(name: str, value: str) -> tuple[str, str] | None:
    """Django's words for a header of requests and what it says; None where it has no name."""
    return (f"HTTP_{name.upper().replace('-', '_')}", value) if name else None


def celery_broker(redis_url: str) -> str:
    """Celery's name of the Redis that redis-py calls `redis_url`."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database_number = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={database_number}"
