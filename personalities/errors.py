"""What personalities refuse. Each carries a stable code; its docstring is its message.

PersonalityError
├── PersonalityNotFoundError    404 personality_not_found
├── SlugTakenError              409 slug_taken
├── PersonalityInactiveError    409 personality_inactive
├── PersonalityVoicelessError   409 personality_voiceless
├── OwnVoiceMissingError        409 own_voice_missing
└── PromptTooLongError          413 prompt_too_long
"""

from __future__ import annotations


class PersonalityError(Exception):
    code = "personality_error"
    status = 400

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else (self.__doc__ or "").strip()


class PersonalityNotFoundError(PersonalityError):
    """There is no such personality; see /api/v1/personalities."""

    code = "personality_not_found"
    status = 404


class SlugTakenError(PersonalityError):
    """Another personality of this tenant has this slug; choose another."""

    code = "slug_taken"
    status = 409


class PersonalityInactiveError(PersonalityError):
    """This personality is switched off; switch it on first."""

    code = "personality_inactive"
    status = 409


class PersonalityVoicelessError(PersonalityError):
    """This personality has no voice that can speak; give it one, or send `substitute: "flag"`."""

    code = "personality_voiceless"
    status = 409


class OwnVoiceMissingError(PersonalityError):
    """This personality has no voice of its own: upload recordings for one first."""

    code = "own_voice_missing"
    status = 409


class PromptTooLongError(PersonalityError):
    """The system prompt is too long."""

    code = "prompt_too_long"
    status = 413
