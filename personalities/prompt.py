"""The system prompt: who a personality is, how it speaks, and the phrases it likes. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from personalities import wording
from personalities.traits import Gender, ResponseStyle, SalesApproach, Traits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONGEST_NAME = 120
LONGEST_GREETING = 500
LONGEST_CUSTOM = 8_000
LONGEST_PROMPT = 20_000
FUNNY = 3  # the level of humour from which an emoji fits
EMOJI = ("😄", "🎉", "✨", "🙌", "😉", "🤩", "😎", "🥳")
SHOWN = 3  # emoji that a prompt names
EVERY = (3, 4, 5)  # messages to one emoji
NOUNS = {Gender.FEMALE: "woman", Gender.MALE: "man", Gender.NONBINARY: "non-binary person"}
AN = (8, 11, 18, *range(80, 90))  # an eighty-year-old


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """Everything a prompt is made from."""

    name: str
    role: str = ""
    greeting: str = ""
    traits: Traits = field(default_factory=Traits)
    style: ResponseStyle = field(default_factory=ResponseStyle)
    system_prompt: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """Its parts in order; what is off or empty has none."""

    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        return "\n\n".join(part.text for part in self.parts)


def build_prompt(portrait: Portrait) -> Prompt:
    """The same portrait always gives the same prompt, to the letter."""
    found = {
        "identity": _identity(portrait),
        "manner": " ".join(_manner(portrait.traits)),
        "custom": portrait.system_prompt,
        "phrases": "\n\n".join(_phrases(portrait)),
        "emoji": _emoji(portrait),
    }
    return Prompt(tuple(Part(name, text) for name, text in found.items() if text.strip()))


def _identity(portrait: Portrait) -> str:
    who = ", ".join(["You are " + portrait.name, *_described(portrait.traits)]) + "."
    return f"{who} Your role: {portrait.role}." if portrait.role else who


def _described(traits: Traits) -> list[str]:
    """ "a 34-year-old woman", "a man", "34 years old", or nothing."""
    noun = NOUNS.get(traits.gender)
    if noun is None:
        return [] if traits.age is None else [f"{traits.age} years old"]
    if traits.age is None:
        return [f"a {noun}"]
    return [f"{'an' if traits.age in AN else 'a'} {traits.age}-year-old {noun}"]


def _manner(traits: Traits) -> Iterator[str]:
    yield wording.STYLES[traits.communication_style]
    yield wording.KNOWLEDGE[traits.knowledge]
    yield _humour(traits)
    yield wording.EMPATHY[traits.empathy]
    yield wording.LENGTHS[traits.response_length]
    yield wording.JARGON[traits.jargon]
    yield wording.SALES[traits.sales_approach]
    yield wording.FORMALITY[traits.formality]


def _humour(traits: Traits) -> str:
    if traits.humour_level == 0:
        return wording.NO_HUMOUR
    return f"{wording.HOW_OFTEN[traits.humour_level]}; {wording.HUMOUR[traits.humour_style]}."


def _phrases(portrait: Portrait) -> Iterator[str]:
    style = portrait.style
    if portrait.greeting.strip():
        yield f"Your first words to somebody new are: {portrait.greeting}"
    yield from _listed("When you greet somebody, say something like", style.opening_phrases)
    if portrait.traits.sales_approach != SalesApproach.NONE:
        moving = "When you move on to products, lead over with"
        yield from _listed(moving, style.product_transitions)
    yield from _listed("When a conversation ends, close with", style.closing_phrases)


def _listed(when: str, phrases: Sequence[str]) -> Iterator[str]:
    if phrases:
        yield "\n".join([f"{when}:", *(f"- {phrase}" for phrase in phrases)])


def _emoji(portrait: Portrait) -> str:
    """Now and then where the humour is high; which ones, and how often, is drawn by the name."""
    if not portrait.style.emoji:
        return "You write no emoji."
    if portrait.traits.humour_level < FUNNY:
        return ""
    drawn = hashlib.sha256(portrait.name.encode()).digest()
    order = sorted(range(len(EMOJI)), key=lambda n: (drawn[n], n))
    first, second, third = (EMOJI[n] for n in order[:SHOWN])
    often = EVERY[drawn[-1] % len(EVERY)]
    such = f"{first}, {second} or {third}"
    return f"In about one message of {often}, one emoji suits you, such as {such}."
