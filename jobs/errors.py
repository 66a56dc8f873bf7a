"""What the ledger refuses. Each carries a stable code; its docstring is its message.

LedgerError
├── IdempotencyConflictError   409 idempotency_conflict
├── TenantCeilingError         429 too_many_jobs, Retry-After
├── QueueFullError             503 queue_full, Retry-After
├── AwaitedEndedError          (internal: look again)
├── JobNotFoundError           404 job_not_found
├── BatchNotFoundError         404 batch_not_found
├── BadLastEventIdError        400 last_event_id_invalid
└── NotRetriableError          409 not_retriable
"""

from __future__ import annotations


class LedgerError(Exception):
    code = "ledger_error"
    status = 400
    retry_after: int | None = None

    def __str__(self) -> str:
        return (self.__doc__ or "").strip()


class IdempotencyConflictError(LedgerError):
    """This Idempotency-Key was used with another body; use a new key for a new request."""

    code = "idempotency_conflict"
    status = 409


class TenantCeilingError(LedgerError):
    """This tenant has as many unfinished jobs as its tier allows; wait for some to end."""

    code = "too_many_jobs"
    status = 429
    retry_after = 5


class QueueFullError(LedgerError):
    """The platform has as much work waiting as it takes; try again shortly."""

    code = "queue_full"
    status = 503
    retry_after = 10


class AwaitedEndedError(LedgerError):
    """A job that was to be waited on has ended in the meantime; look again."""

    code = "awaited_ended"
    status = 409


class JobNotFoundError(LedgerError):
    """There is no such job."""

    code = "job_not_found"
    status = 404


class BatchNotFoundError(LedgerError):
    """There is no such batch."""

    code = "batch_not_found"
    status = 404


class BadLastEventIdError(LedgerError):
    """This Last-Event-ID is none that this stream gave; leave it out to begin anew."""

    code = "last_event_id_invalid"
    status = 400


class NotRetriableError(LedgerError):
    """Only what did not succeed is retried, while its text and voice are there; a clone never."""

    code = "not_retriable"
    status = 409
