"""Speech of a personality: in its own voice, or in another where that was allowed, and told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings

from personalities.errors import PersonalityVoicelessError
from personalities.selectors import check_active
from voices.errors import NoEngineError, VoiceNotFoundError
from voices.owning.errors import ConsentWithdrawnError
from voices.services import submit_synthesis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from personalities.models import Personality
    from voices.accepting import Submitted
    from voices.requests import SynthesisRequest
    from voices.services import Ask

NOBODY = str(UUID(int=0))  # no voice has this id


def speak_as(personality: Personality, ask: Ask) -> Submitted:
    """Have the text spoken by the personality. The request's own voice is not looked at.

    Where its voice cannot speak and `substitute` is "flag" its fallback does, else the default
    voice; the job then says `stand_in`, and its result `substituted`.
    """
    check_active(personality)
    refused: Exception | None = None
    for request in _ways(personality, ask.request):
        try:
            return submit_synthesis(replace(ask, request=request))
        except (NoEngineError, VoiceNotFoundError, ConsentWithdrawnError) as error:
            refused = refused or error
    if isinstance(refused, NoEngineError | ConsentWithdrawnError):
        raise refused
    raise PersonalityVoicelessError


def _ways(personality: Personality, request: SynthesisRequest) -> Iterator[SynthesisRequest]:
    """What was accepted before under the same key is answered by the first, whatever it names."""
    asked = replace(request, personality_id=str(personality.id))
    yield replace(asked, voice=str(personality.voice_id or NOBODY))
    if request.substitute != "flag":
        return
    engine = request.engine or personality.fallback_engine or None
    other = str(personality.fallback_voice_id or settings.DEFAULT_VOICE)
    yield replace(asked, voice=other, engine=engine, stand_in=True)
    yield replace(asked, voice=settings.DEFAULT_VOICE, stand_in=True)
