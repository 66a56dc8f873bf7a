"""A voice of one's own as a job pins it: read afresh for each request, for it may stop at once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobs.prepared import Statement
from voices.owning.errors import ConsentWithdrawnError, VoiceNotReadyError
from voices.routing import Bound

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

# One look: the voice, the revision asked for, and each binding with what was cloned for it.
READ = Statement(
    "read_own_voice",
    ("uuid", "bool"),
    """
    SELECT v.id, v.slug, v.language, v.commercial, r.id, r.settings::text,
           (SELECT json_agg(json_build_array(b.engine, b.model, b.speaker, b.substitute,
                                             coalesce(a.sha256, ''),
                                             coalesce(a.about->>'language', v.language)))::text
              FROM voices_binding b LEFT JOIN voices_artifact a ON a.id = b.artifact_id
             WHERE b.revision_id = r.id),
           EXISTS (SELECT 1 FROM voices_binding b JOIN voices_artifact a ON a.id = b.artifact_id
                     JOIN voices_making m ON m.job_id = a.making_id
                     JOIN voices_consent c ON c.id = m.consent_id
                    WHERE b.revision_id = r.id AND c.withdrawn_at IS NOT NULL)
      FROM voices_voice v
      LEFT JOIN LATERAL (
        SELECT * FROM voices_revision r
         WHERE r.voice_id = v.id AND (r.state = 'published' OR $2 AND r.state = 'draft')
         ORDER BY r.state LIMIT 1) r ON true
     WHERE v.id = $1 AND v.active AND v.erasing_since IS NULL
    """,
)


@dataclass(frozen=True, slots=True)
class SpokenVoice:
    """A voice as a job pins it: its revision, settings and bindings.

    `defaults` are a stock voice's settings, `settings` what the owner of one of its own turned.
    """

    id: UUID
    slug: str
    language: str
    commercial: bool
    revision_id: str
    bindings: tuple[Bound, ...]
    defaults: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    own: bool = False


def read_own_voice(voice_id: UUID, *, draft: bool = False) -> SpokenVoice | None:
    """As it is published, or as its draft is where there is one; None where it is gone."""
    row = READ.row(str(voice_id), draft)
    if row is None:
        return None
    voice_id, slug, language, commercial, revision_id, settings, bindings, withdrawn = row
    if revision_id is None or bindings is None:
        raise VoiceNotReadyError
    if withdrawn:
        raise ConsentWithdrawnError
    return SpokenVoice(
        id=voice_id,
        slug=slug,
        language=language,
        commercial=commercial,
        revision_id=str(revision_id),
        bindings=tuple(Bound(*binding) for binding in json.loads(bindings)),
        settings=json.loads(settings),
        own=True,
    )
