"""What a personality is like and how it phrases things: sensible choices, checked. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

YOUNGEST, OLDEST = 16, 99
HIGHEST = 4  # levels go from 0 to this
MOST_PHRASES = 12
LONGEST_PHRASE = 200


class TraitError(ValueError):
    """A trait or phrase that is none. `field` says which."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Gender(StrEnum):
    FEMALE = "female"
    MALE = "male"
    NONBINARY = "nonbinary"
    UNSTATED = "unstated"


class CommunicationStyle(StrEnum):
    WARM = "warm"
    ENERGETIC = "energetic"
    CALM = "calm"
    DIRECT = "direct"
    PLAYFUL = "playful"
    STORYTELLING = "storytelling"
    PRECISE = "precise"


class Knowledge(StrEnum):
    NEWCOMER = "newcomer"
    FAMILIAR = "familiar"
    SKILLED = "skilled"
    EXPERT = "expert"


class HumourStyle(StrEnum):
    PLAYFUL = "playful"
    DRY = "dry"
    WORDPLAY = "wordplay"
    SELF_MOCKING = "self_mocking"
    OBSERVING = "observing"


class ResponseLength(StrEnum):
    BRIEF = "brief"
    SHORT = "short"
    MEDIUM = "medium"
    LONG = "long"


class SalesApproach(StrEnum):
    NONE = "none"
    ADVISING = "advising"
    GENTLE = "gentle"
    EAGER = "eager"
    DIRECT = "direct"


CHOICES: dict[str, type[StrEnum]] = {
    "gender": Gender,
    "communication_style": CommunicationStyle,
    "knowledge": Knowledge,
    "humour_style": HumourStyle,
    "response_length": ResponseLength,
    "sales_approach": SalesApproach,
}
LEVELS = ("humour_level", "empathy", "jargon", "formality")
PHRASES = ("opening_phrases", "product_transitions", "closing_phrases")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What it is like. Levels go from 0, not at all, to 4, as much as it goes."""

    age: int | None = None
    gender: Gender = Gender.UNSTATED
    communication_style: CommunicationStyle = CommunicationStyle.WARM
    knowledge: Knowledge = Knowledge.SKILLED
    humour_style: HumourStyle = HumourStyle.PLAYFUL
    humour_level: int = 2
    empathy: int = 3
    response_length: ResponseLength = ResponseLength.SHORT
    jargon: int = 1
    sales_approach: SalesApproach = SalesApproach.ADVISING
    formality: int = 2

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            object.__setattr__(self, name, _choice(name, choices, getattr(self, name)))
        for name in LEVELS:
            _check_number(name, getattr(self, name), 0, HIGHEST)
        if self.age is not None:
            _check_number("age", self.age, YOUNGEST, OLDEST)

    @classmethod
    def stored(cls, row: Mapping[str, Any]) -> Self:
        """As it was kept, maybe by code that knew fewer traits, or more."""
        return cls(**_known(cls, row))

    def as_json(self) -> dict[str, Any]:
        return {name: str(v) if isinstance(v, str) else v for name, v in asdict(self).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseStyle:
    """The phrases it falls back on, and whether it may write emoji."""

    opening_phrases: tuple[str, ...] = ()
    product_transitions: tuple[str, ...] = ()
    closing_phrases: tuple[str, ...] = ()
    emoji: bool = False

    def __post_init__(self) -> None:
        for name in PHRASES:
            object.__setattr__(self, name, _phrases(name, getattr(self, name)))
        if not isinstance(self.emoji, bool):
            raise TraitError("emoji", "This must be true or false.")

    @classmethod
    def stored(cls, row: Mapping[str, Any]) -> Self:
        """As it was kept, maybe by code that knew fewer parts, or more."""
        return cls(**_known(cls, row))

    def as_json(self) -> dict[str, Any]:
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}


def is_line(text: str) -> bool:
    """One line that says something, and that a database and a page can hold."""
    return bool(text.strip()) and not any(_unprintable(c) or c in "\t\r\n" for c in text)


def is_prose(text: str) -> bool:
    """Any number of lines, without what no page shows and no database holds."""
    return not any(_unprintable(c) for c in text)


def _unprintable(character: str) -> bool:
    broken = unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
    return broken and character not in "\t\r\n"


def _choice(name: str, choices: type[StrEnum], given: Any) -> StrEnum:
    try:
        return choices(given)
    except ValueError:
        raise TraitError(name, f"One of {', '.join(choices)}.") from None


def _check_number(name: str, given: Any, least: int, most: int) -> None:
    if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= most:
        raise TraitError(name, f"A whole number from {least} to {most}.")


def _phrases(name: str, given: Any) -> tuple[str, ...]:
    """Without repeats; each one line."""
    if not all(isinstance(one, str) and is_line(one) for one in given):
        raise TraitError(name, "Each phrase is one line of text.")
    kept = tuple(dict.fromkeys(one.strip() for one in given))
    if len(kept) > MOST_PHRASES or any(len(one) > LONGEST_PHRASE for one in kept):
        raise TraitError(name, f"At most {MOST_PHRASES}, of {LONGEST_PHRASE} characters each.")
    return kept


def _known(of: type[Any], row: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: row[field.name] for field in fields(of) if field.name in row}
