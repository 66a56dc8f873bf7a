"""Log lines: one a record, for people or as JSON, and nothing in them that a customer wrote."""

from __future__ import annotations

import json
import logging
import logging.config
import re
import sys
import threading
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from config.discretion import describe, first_line, say
from tenants.about import about

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = re.compile(r"\b(vm_[A-Za-z0-9]+|whsec)_[\w+/=-]+")
AS_JSON = json.JSONEncoder(default=str, separators=(",", ":")).encode
FIELDS = "fields"  # of a record: more that its line says, as `extra`


class Line(logging.Formatter):
    """For people: time, level and logger, what it is about, the message; an error below."""

    def format(self, record: logging.LogRecord) -> str:
        told = fields_of(record)
        head = f"{told.pop('time')} {told.pop('level')} {told.pop('logger')}"
        message, error = told.pop("message"), told.pop("exception", None)
        del told["process"]
        rest = "".join(f" {name}={value}" for name, value in told.items())
        return without_keys("\n".join([f"{head}: {message}{rest}", *_lines_of(error)]))


class JsonLine(logging.Formatter):
    """For programs: one object a line, whatever happens."""

    def format(self, record: logging.LogRecord) -> str:
        return without_keys(AS_JSON(fields_of(record)))


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    told = {
        "time": f"{second(int(record.created))}.{int(record.msecs):03}Z",
        "level": record.levelname,
        "logger": record.name,
        "message": message_of(record),
        "process": record.process,
        **about(),
        **getattr(record, FIELDS, {}),
    }
    if record.exc_info and record.exc_info[1]:
        told["exception"] = describe(record.exc_info[1])
    return told


@lru_cache(1)
def second(of: int) -> str:
    return datetime.fromtimestamp(of, UTC).isoformat()[:19]


def message_of(record: logging.LogRecord) -> str:
    """Its first line. Of an error among its values only what may be said."""
    if isinstance(record.msg, BaseException):
        return say(record.msg)
    words, args = str(record.msg), record.args
    if isinstance(args, tuple):
        args = tuple(say(one) if isinstance(one, BaseException) else one for one in args)
    return first_line(words % args if args else words)


def _lines_of(error: Mapping[str, Any] | None) -> list[str]:
    if error is None:
        return []
    head = f"  {error['type']}: {error.get('said', '')}".rstrip(": ")
    return [head, *(f"    {frame}" for frame in error["stack"]), *_lines_of(error.get("cause"))]


def without_keys(line: str) -> str:
    """The last resort: no line holds a key, whoever wrote it."""
    return KEYS.sub(r"\1_...", line) if "vm_" in line or "whsec_" in line else line


def logging_settings(level: str, style: str) -> dict[str, Any]:
    """Every logger writes to the one handler on stderr; libraries as much as is worth reading."""
    chatty = "DEBUG" if level == "DEBUG" else "WARNING"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": Line}, "json": {"()": JsonLine}},
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": style, "level": level}
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level},
            "django.server": {"handlers": [], "propagate": True},
            "django.db.backends": {"level": "INFO"},  # below it are statements with their values
            "django.request": {"level": "ERROR"},  # below it are refusals, which have a line
            "django.security": {"level": "CRITICAL"},  # it quotes headers
            "uvicorn": {"handlers": [], "propagate": True},
            "uvicorn.access": {"handlers": [], "level": "CRITICAL"},  # it writes queries
            "tornado.access": {"propagate": True, "level": chatty},  # Flower had it say nothing
            **{name: {"level": chatty} for name in ("celery", "kombu", "amqp")},
        },
    }


def configure(settings: dict[str, Any]) -> None:
    """Also what would go past the loggers to stderr: warnings, and errors that nobody caught."""
    logging.config.dictConfig(settings)
    logging.captureWarnings(True)
    logging.logThreads = logging.logMultiprocessing = False  # no line says them, and they cost
    sys.excepthook = lambda kind, error, stack: _uncaught("the process ends", error)
    threading.excepthook = lambda told: _uncaught("a thread has ended", told.exc_value)
    sys.unraisablehook = lambda told: _uncaught("an error nobody could catch", told.exc_value)


def _uncaught(what: str, error: BaseException | None) -> None:
    if not isinstance(error, KeyboardInterrupt | SystemExit):
        logging.getLogger(__name__).critical(what, exc_info=error)
