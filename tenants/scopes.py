"""What a key may be allowed to do."""

from enum import StrEnum


class Scope(StrEnum):
    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    VOICES_READ = "voices:read"
    VOICES_WRITE = "voices:write"
    VOICES_ERASE = "voices:erase"
    PERSONALITIES_READ = "personalities:read"
    PERSONALITIES_WRITE = "personalities:write"
    USAGE_READ = "usage:read"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    AUDIT_READ = "audit:read"


ALL_SCOPES = tuple(scope.value for scope in Scope)
