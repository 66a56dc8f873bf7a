"""What a tenant's people may do, by role. Pure: the table is the rule."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"


class Right(StrEnum):
    """One thing that somebody may want to do."""

    SEE = "see"  # personalities, voices, samples, jobs, usage; hear what was spoken
    SPEAK = "speak"  # test a voice: costs are the tenant's
    EDIT = "edit"  # personalities, samples, the draft of a voice
    CONSENT = "consent"  # record a consent, or withdraw it
    CLONE = "clone"  # clone or train a voice
    PUBLISH = "publish"  # make a draft what jobs get, and roll back
    ERASE = "erase"  # a personality, or a voice with all that was made with it
    AUDIT = "audit"  # see who did what
    KEYS = "keys"
    PEOPLE = "people"
    WEBHOOKS = "webhooks"


VIEWERS = frozenset({Right.SEE})
EDITORS = VIEWERS | {Right.SPEAK, Right.EDIT, Right.CONSENT, Right.CLONE, Right.PUBLISH}
RIGHTS = {Role.VIEWER: VIEWERS, Role.EDITOR: EDITORS, Role.OWNER: frozenset(Right)}


def may(role: Role, right: Right) -> bool:
    return right in RIGHTS[role]
