"""The prompt: what holds for every personality, and what a few of them are told."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given

from personalities.defaults import default_personalities
from personalities.prompt import (
    EMOJI,
    LONGEST_CUSTOM,
    LONGEST_GREETING,
    LONGEST_NAME,
    LONGEST_PROMPT,
    Portrait,
    build_prompt,
)
from personalities.traits import LONGEST_PHRASE, MOST_PHRASES, ResponseStyle, SalesApproach, Traits
from personalities.wording import HUMOUR, NO_HUMOUR
from tests.personalities import PORTRAITS, TRAITS

PLAIN = Portrait(name="Ada")


def text_of(portrait: Portrait) -> str:
    return build_prompt(portrait).text


def ours(portrait: Portrait) -> str:
    """The prompt of one like it whose own words say nothing."""
    style = ResponseStyle(emoji=portrait.style.emoji)
    silent = replace(portrait, name="Ada", role="", greeting="", system_prompt="", style=style)
    return text_of(silent)


@given(PORTRAITS)
def test_it_holds_every_word_of_the_owner_to_the_letter(portrait: Portrait) -> None:
    text, style = text_of(portrait), portrait.style
    assert portrait.name in text
    assert portrait.role in text
    assert portrait.greeting in text
    if portrait.system_prompt.strip():
        assert portrait.system_prompt in text
    assert all(phrase in text for phrase in style.opening_phrases + style.closing_phrases)


@given(PORTRAITS)
def test_the_same_personality_always_gives_the_same_prompt(portrait: Portrait) -> None:
    again = replace(portrait, traits=Traits.stored(portrait.traits.as_json()))
    assert build_prompt(again) == build_prompt(portrait)


@given(PORTRAITS)
def test_it_has_no_holes_and_shows_no_field(portrait: Portrait) -> None:
    assert all(part.text.strip() for part in build_prompt(portrait).parts)
    told = ours(portrait)
    assert not re.search(r"None|\{|\}|_|  |\.\.|Traits|level \d", told)
    assert told == told.strip()


@given(TRAITS)
def test_its_length_is_bounded(traits: Traits) -> None:
    most = tuple(f"{n:x<{LONGEST_PHRASE}}" for n in range(MOST_PHRASES))
    longest = Portrait(
        name="n" * LONGEST_NAME,
        role="r" * 120,
        greeting="g" * LONGEST_GREETING,
        traits=traits,
        style=ResponseStyle(
            opening_phrases=most, product_transitions=most, closing_phrases=most, emoji=True
        ),
        system_prompt="s" * LONGEST_CUSTOM,
    )
    assert len(text_of(longest)) <= LONGEST_PROMPT


@given(PORTRAITS)
def test_what_is_off_is_not_in_it(portrait: Portrait) -> None:
    told, text = ours(portrait), text_of(portrait)
    silent = portrait.traits.humour_level == 0
    assert (NO_HUMOUR in told) is silent
    assert any(words in told for words in HUMOUR.values()) is not silent
    if portrait.traits.age is None:
        assert not re.search(r"\d+(-year-old| years old)", told)
    if portrait.traits.sales_approach == SalesApproach.NONE:
        assert "move on to products" not in ours_with_phrases(portrait)
    if not portrait.greeting:
        assert "first words" not in told
    assert len(text) >= len(told) - len("Ada")


def ours_with_phrases(portrait: Portrait) -> str:
    one = ResponseStyle(opening_phrases=("A.",), product_transitions=("B.",))
    return text_of(replace(PLAIN, traits=portrait.traits, style=one))


@given(PORTRAITS)
def test_an_emoji_is_there_only_where_the_flag_is_on_and_the_humour_high(
    portrait: Portrait,
) -> None:
    told = ours(portrait)
    fits = portrait.style.emoji and portrait.traits.humour_level >= 3
    assert any(one in told for one in EMOJI) is fits
    assert ("You write no emoji." in told) is not portrait.style.emoji


def test_the_emoji_are_drawn_by_the_name_and_stay() -> None:
    funny = Traits(humour_level=4)
    shown = {
        name: build_prompt(
            Portrait(name=name, traits=funny, style=ResponseStyle(emoji=True))
        ).parts[-1]
        for name in ("Ada", "Bo", "Cleo", "Dan")
    }
    assert (
        shown["Ada"].text == "In about one message of 4, one emoji suits you, such as 😎, 😉 or ✨."
    )
    assert len({part.text for part in shown.values()}) > 1


def test_it_reads_as_somebody_would_write_it() -> None:
    who = Traits(age=34, gender="female", humour_level=0)  # type: ignore[arg-type]
    text = text_of(replace(PLAIN, role="adviser", traits=who))
    assert text.startswith("You are Ada, a 34-year-old woman. Your role: adviser.\n\nYou are warm")
    for age, words in ((18, "an 18-year-old"), (81, "an 81-year-old"), (19, "a 19-year-old")):
        assert words in text_of(replace(PLAIN, traits=replace(who, age=age)))
    assert "You are Ada, 34 years old." in text_of(replace(PLAIN, traits=Traits(age=34)))
    assert text_of(PLAIN).startswith("You are Ada.\n\n")


def test_the_parts_come_in_the_order_of_their_weight() -> None:
    marcel = default_personalities()[0].portrait
    names = [part.name for part in build_prompt(marcel).parts]
    assert names == ["identity", "manner", "custom", "phrases", "emoji"]
    phrases = build_prompt(marcel).parts[3].text
    places = [phrases.index(word) for word in ("first words", "greet", "products", "ends")]
    assert places == sorted(places)
