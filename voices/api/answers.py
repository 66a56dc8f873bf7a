"""Synthesis requests and their answers as bytes: many that came at one time in one go."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobs.api.presenting import present_job
from jobs.connections import renew_connection
from jobs.patience import LEDGER_AWAY
from jobs.selectors import jobs_by_id, warnings_about
from tenants.about import about, begin, note
from tenants.auth import admit
from tenants.parsers import MEDIA_TYPE, read_body
from tenants.problems import PROBLEM, describe, internal_error
from tenants.scopes import Scope
from voices.api.asking import idempotency_key, read_synthesis
from voices.requests import body_hash
from voices.services import Ask, submit_each

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from jobs.models import Job
    from tenants.about import About
    from voices.accepting import Submitted

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Post:
    """A synthesis request as it came."""

    body: bytes
    content_type: str = ""
    authorization: str = ""
    idempotency_key: str | None = None
    about: About = field(default_factory=about)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it goes."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def answer_all(posts: Sequence[Post]) -> list[Reply]:
    """A reply to each, in order. Only a ledger that is away is everybody's trouble."""
    try:
        renew_connection()
        return _answer_all(posts)
    except Exception as error:  # noqa: BLE001 - they all get an answer
        begin({})
        return [_refusal(error)] * len(posts)
    finally:
        begin({})


def _answer_all(posts: Sequence[Post]) -> list[Reply]:
    asks = [_read(post) for post in posts]
    begin({})  # from here to their answers they are one work
    submitted = iter(submit_each([ask for ask in asks if isinstance(ask, Ask)]))
    outcomes = [next(submitted) if isinstance(ask, Ask) else ask for ask in asks]
    accepted = [one for one in outcomes if not isinstance(one, Exception)]
    jobs = jobs_by_id([one.id for one in accepted])
    return [_reply(*pair, jobs) for pair in zip(posts, outcomes, strict=True)]


def _read(post: Post) -> Ask | Exception:
    begin(post.about)
    try:
        caller = admit(post.authorization, Scope.JOBS_WRITE)
        data = read_body(post.content_type, post.body)
        key = idempotency_key(post.idempotency_key)
        return Ask(caller, read_synthesis(data), key, body_hash(data))
    except LEDGER_AWAY:
        raise
    except Exception as error:  # noqa: BLE001 - its own answer says what it is
        return error


def _reply(post: Post, outcome: Submitted | Exception, jobs: Mapping[UUID, Job]) -> Reply:
    begin(post.about)
    if isinstance(outcome, Exception):
        return _refusal(outcome)
    note(job=outcome.id)
    return _acceptance(outcome, jobs[outcome.id])


def _acceptance(submitted: Submitted, job: Job) -> Reply:
    headers = {"Content-Type": MEDIA_TYPE, "Location": f"/api/v1/jobs/{job.id}"}
    if submitted.replayed:
        headers["Idempotent-Replayed"] = "true"
    shown = present_job(job, warnings_about(job))
    return Reply(200 if job.ended_at else 202, _json(shown), headers)


def _refusal(error: Exception) -> Reply:
    described = describe(error)
    if described is None:
        log.error("a synthesis request failed", exc_info=error)
        described = internal_error()
    body, headers = described
    return Reply(body["status"], _json(body), {"Content-Type": PROBLEM, **headers})


def _json(shown: dict[str, Any]) -> bytes:
    return json.dumps(shown, separators=(",", ":")).encode()
