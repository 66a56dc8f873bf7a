"""Traits and response styles: what they may be, and what a database gives back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalities import wording
from personalities.defaults import default_personalities
from personalities.traits import (
    CHOICES,
    HIGHEST,
    LEVELS,
    LONGEST_PHRASE,
    MOST_PHRASES,
    ResponseStyle,
    TraitError,
    Traits,
    is_line,
    is_prose,
)
from tests.personalities import STYLES, TRAITS
from voices.catalogue import stock_voices


@given(TRAITS)
def test_traits_come_back_from_storage_as_they_were(traits: Traits) -> None:
    assert Traits.stored(traits.as_json()) == traits


@given(STYLES)
def test_a_style_comes_back_from_storage_as_it_was(style: ResponseStyle) -> None:
    assert ResponseStyle.stored(style.as_json()) == style


def test_what_older_and_newer_code_kept_is_read() -> None:
    assert Traits.stored({"empathy": 4, "telepathy": 9}) == Traits(empathy=4)
    assert ResponseStyle.stored({"emoji": True, "colour": "red"}) == ResponseStyle(emoji=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"age": 15},
        {"age": 100},
        {"age": 30.5},
        {"age": "30"},
        {"gender": "dragon"},
        {"communication_style": None},
        {"humour_level": -1},
        {"empathy": HIGHEST + 1},
        {"jargon": True},
        {"formality": float("nan")},
    ],
)
def test_traits_that_are_none_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(TraitError) as refused:
        Traits(**wrong)
    assert refused.value.field in wrong


@pytest.mark.parametrize(
    "wrong",
    [
        {"opening_phrases": ("x" * (LONGEST_PHRASE + 1),)},
        {"product_transitions": tuple(f"phrase {n}" for n in range(MOST_PHRASES + 1))},
        {"closing_phrases": (" ",)},
        {"closing_phrases": ("two\nlines",)},
        {"opening_phrases": ("\0",)},
        {"opening_phrases": (7,)},
        {"emoji": "yes"},
    ],
)
def test_phrases_that_are_none_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(TraitError) as refused:
        ResponseStyle(**wrong)
    assert refused.value.field in wrong


def test_a_phrase_given_twice_is_kept_once() -> None:
    assert ResponseStyle(opening_phrases=("Hi!", " Hi! ", "Hello.")).opening_phrases == (
        "Hi!",
        "Hello.",
    )


@given(st.text() | st.text(st.sampled_from("a\0")) | st.text(st.sampled_from("a\ud800")))
def test_what_passes_as_text_can_be_stored_and_shown(text: str) -> None:
    if is_prose(text) or is_line(text):
        assert "\0" not in text
        assert text.encode().decode() == text


def test_every_choice_and_level_has_words_for_people_and_for_the_prompt() -> None:
    assert wording.LABELS.keys() == CHOICES.keys()
    assert all(wording.LABELS[name].keys() == set(found) for name, found in CHOICES.items())
    assert wording.LEVEL_LABELS.keys() == set(LEVELS)
    assert all(len(labels) == HIGHEST + 1 for labels in wording.LEVEL_LABELS.values())
    for told in (wording.HOW_OFTEN, wording.EMPATHY, wording.JARGON, wording.FORMALITY):
        assert len(told) == HIGHEST + 1


def test_the_defaults_differ_clearly_and_speak_with_stock_voices() -> None:
    found = {default.slug: default for default in default_personalities()}
    assert list(found) == ["marcel", "shante", "zac"]
    traits = [default.portrait.traits for default in found.values()]
    for name in ("humour_level", "empathy", "response_length", "jargon", "sales_approach"):
        assert len({getattr(one, name) for one in traits}) == 3, name
    assert len({one.formality for one in traits}) == 3
    ages = sorted(one.age or 0 for one in traits)
    assert min(ages[1] - ages[0], ages[2] - ages[1]) >= 10
    stock = {voice.slug for voice in stock_voices()}
    voices = {default.voice for default in found.values()}
    assert voices | {default.fallback for default in found.values()} <= stock
    assert len(voices) == 3


def test_each_default_has_a_greeting_and_phrases_for_every_turn() -> None:
    for default in default_personalities():
        style = default.portrait.style
        assert default.portrait.greeting
        assert default.portrait.role
        for phrases in (style.opening_phrases, style.product_transitions, style.closing_phrases):
            assert len(phrases) >= 3, default.slug
