"""A personality as one file: taken out, put in, doubled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

from personalities.services import create_personality, free_slug, lock_personalities
from voices.errors import VoiceNotFoundError
from voices.selectors import find_voice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from personalities.models import Personality
    from tenants.audit import Actor

KIND = "voicemill.personality"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Imported:
    """What was made, and what of the file could not be."""

    personality: Personality
    warnings: tuple[str, ...]


def export_personality(personality: Personality) -> dict[str, Any]:
    """Everything that makes it what it is, and nothing of whose it was."""
    return {
        "kind": KIND,
        "format_version": FORMAT_VERSION,
        "personality": {"slug": personality.slug, "active": personality.active}
        | describe_personality(personality)
        | {
            "voice": personality.voice and personality.voice.slug,
            "fallback": {
                "engine": personality.fallback_engine,
                "voice": personality.fallback_voice and personality.fallback_voice.slug,
            },
        },
    }


def describe_personality(personality: Personality) -> dict[str, Any]:
    """Its words, traits and style, as requests and files have them."""
    return {
        "name": personality.name,
        "role": personality.role,
        "description": personality.description,
        "greeting": personality.greeting,
        "traits": personality.read_traits().as_json(),
        "response_style": personality.read_style().as_json(),
        "system_prompt": personality.system_prompt,
    }


@transaction.atomic
def import_personality(
    *,
    tenant_id: UUID,
    actor: Actor,
    fields: Mapping[str, Any],
    rename: bool = False,
    action: str = "imported",
) -> Imported:
    """A file's personality as a new one. A voice that is not here is left out, and told."""
    lock_personalities(tenant_id)
    found, warnings = _with_voices_of(tenant_id, fields)
    if rename:
        found["slug"] = free_slug(tenant_id, found.get("slug") or found["name"])
    made = create_personality(tenant_id=tenant_id, actor=actor, fields=found, action=action)
    return Imported(made, tuple(warnings))


def duplicate_personality(*, personality: Personality, actor: Actor) -> Personality:
    """Another of the same, under a slug of its own; it speaks with the very same voices."""
    fields = export_personality(personality)["personality"] | {
        "voice": personality.voice_id and str(personality.voice_id),
        "fallback": {
            "engine": personality.fallback_engine,
            "voice": personality.fallback_voice_id and str(personality.fallback_voice_id),
        },
    }
    return import_personality(
        tenant_id=personality.tenant_id,
        actor=actor,
        fields=fields,
        rename=True,
        action="duplicated",
    ).personality


def _with_voices_of(tenant_id: UUID, fields: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    found, fallback = dict(fields), dict(fields.get("fallback") or {})
    named = {"voice": found.get("voice"), "fallback": fallback.get("voice")}
    missing = {part: slug for part, slug in named.items() if slug and not _has(tenant_id, slug)}
    if "voice" in missing:
        found["voice"] = None
    if "fallback" in missing:
        found["fallback"] = fallback | {"voice": None}
    warnings = [
        f"There is no voice {slug!r} here: `{part}` is empty." for part, slug in missing.items()
    ]
    return found, warnings


def _has(tenant_id: UUID, reference: str) -> bool:
    try:
        find_voice(tenant_id, reference)
    except VoiceNotFoundError:
        return False
    return True
